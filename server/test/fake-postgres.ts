import { createServer } from 'node:net';

/** A database server that refuses every session with one SQLSTATE. */
export interface RefusingDatabase {
  readonly port: number;
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
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return { port: address.port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}
