import { mkdir } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

/** PostgreSQL in this process, behind a port of this machine. */
export interface EmbeddedDatabase {
  readonly url: string;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 100;

/**
 * Starts PGlite behind its socket server. It runs one statement or transaction at a time for all its connections, and
 * knows neither `COPY FROM STDIN` nor `LISTEN`.
 *
 * @param dataDir where it keeps its data; in memory if not given.
 */
export async function startEmbeddedDatabase(dataDir?: string): Promise<EmbeddedDatabase> {
  if (dataDir !== undefined) await mkdir(dataDir, { recursive: true });
  const engine = await PGlite.create(dataDir);
  const server = new PGLiteSocketServer({
    db: turnsByStatement(engine),
    host: '127.0.0.1',
    port: 0,
    maxConnections: MAX_CONNECTIONS,
  });
  await server.start();
  const port = server.getServerConn().split(':').at(-1);
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async close() {
      await server.stop();
      await engine.close();
    },
  };
}

/** Parse, Bind, Describe, Execute, Close and Flush: messages of a statement that ends with a Sync. */
const UNFINISHED = new Set(Buffer.from('PBDECH'));

/**
 * The socket server lets connections take turns by message, unless a transaction is open. Between Bind and Execute of one
 * connection the Bind of another would replace the portal, and the first would read the other's rows: so it is told that
 * a transaction is open until a statement is finished.
 */
function turnsByStatement(engine: PGlite): PGlite {
  let unfinished = false;
  const execProtocolRawStream: PGlite['execProtocolRawStream'] = (message, options) => {
    unfinished = UNFINISHED.has(message[0] ?? 0);
    return engine.execProtocolRawStream(message, options);
  };
  // How the server ends what a closed connection left open.
  const exec: PGlite['exec'] = (query, options) => {
    unfinished = false;
    return engine.exec(query, options);
  };
  const changed = {
    execProtocolRawStream,
    exec,
    isInTransaction: () => unfinished || engine.isInTransaction(),
  };
  return new Proxy(engine, {
    get(target, property) {
      if (Object.hasOwn(changed, property)) return Reflect.get(changed, property);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
