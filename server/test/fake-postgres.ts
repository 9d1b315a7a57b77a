import { createServer } from 'node:net';

/** A database server that refuses every session with one SQLSTATE. */
export interface RefusingDatabase {
  readonly port: number;
  /** The parameters of the last startup message. */
  startup(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Answers each startup message with ErrorResponse (PostgreSQL manual, "Message Formats") and closes. */
export async function startRefusingDatabase(sqlState: string): Promise<RefusingDatabase> {
  const fields = ['SFATAL', 'VFATAL', `C${sqlState}`, 'Mrefused for the test']
    .map((field) => `${field}\0`)
    .join('');
  const answer = Buffer.alloc(5 + fields.length + 1);
  answer.write('E');
  answer.writeUInt32BE(answer.length - 1, 1);
  answer.write(fields, 5);
  let startup: Readonly<Record<string, string>> = {};
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (message) => {
      if (typeof message !== 'string') startup = startupParameters(message);
      socket.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    port: address.port,
    startup: () => startup,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Names and values by turns behind the length and the version of the protocol, each ended by a zero. */
function startupParameters(message: Buffer): Readonly<Record<string, string>> {
  const texts = message.toString('utf8', 8).split('\0');
  const names = texts.filter((text, at) => at % 2 === 0 && text !== '');
  return Object.fromEntries(names.map((name, at) => [name, texts[2 * at + 1] ?? '']));
}
