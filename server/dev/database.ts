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
    db: engine,
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
