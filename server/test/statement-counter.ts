import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** A proxy in front of a database that counts the statements which clients have executed. */
export interface StatementCounter extends TcpProxy {
  readonly url: string;
  executed(): number;
}

const EXECUTE = 'E'.charCodeAt(0);
const QUERY = 'Q'.charCodeAt(0);
const HEADER_BYTES = 5;

/** Reads the messages of PostgreSQL's protocol (manual, "Message Formats") and counts Execute and Query. */
export async function startStatementCounter(databaseUrl: string): Promise<StatementCounter> {
  const target = new URL(databaseUrl);
  let executed = 0;
  const proxy = await startTcpProxy({
    target: () => Number(target.port),
    observe() {
      let started = false;
      let rest: Buffer = Buffer.alloc(0);
      return (bytes) => {
        rest = Buffer.concat([rest, bytes]);
        // The startup message alone has no type in front of its length.
        if (!started && rest.length >= 4 && rest.length >= rest.readUInt32BE(0)) {
          rest = rest.subarray(rest.readUInt32BE(0));
          started = true;
        }
        while (started && rest.length >= HEADER_BYTES && rest.length > rest.readUInt32BE(1)) {
          if (rest[0] === EXECUTE || rest[0] === QUERY) executed++;
          rest = rest.subarray(1 + rest.readUInt32BE(1));
        }
      };
    },
  });
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return { ...proxy, url: url.href, executed: () => executed };
}
