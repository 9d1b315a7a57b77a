import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, runAs } from './account.ts';
import { PostgresError } from './postgres-error.ts';

export interface Server {
  readonly port: number;
  readonly ended: Promise<void>;
  /** `SIGINT` shuts it down in order, `SIGQUIT` at once. */
  stop(signal: 'SIGINT' | 'SIGQUIT'): Promise<void>;
}

interface ServerOptions {
  readonly program: string;
  readonly data: string;
  readonly account: Account | undefined;
  readonly settings: readonly string[];
  readonly signal: AbortSignal;
}

const READY = 'database system is ready to accept connections';
const START_LIMIT_MS = 60_000;
const PORT_ATTEMPTS = 5;
const PREDECESSOR_LIMIT_MS = 15_000;

/**
 * Starts `postgres` on a free loopback port, without a Unix socket.
 *
 * Another account cannot reach a data folder below one that is closed to it, such as `/root`, but it may work in the
 * folder it was started in: there its server knows the data as `/proc/self/cwd`.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  await predecessorGone(options.data, options.signal);
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryPort(options, freePort());
    if (typeof outcome !== 'string') return outcome;
    options.signal.throwIfAborted();
    if (attempt === PORT_ATTEMPTS || !/could not bind|Address already in use/i.test(outcome)) {
      throw new PostgresError(`PostgreSQL cannot be started: ${outcome.trim()}`);
    }
  }
}

/** The server, or what it said when it ended. */
async function tryPort(options: ServerOptions, port: number): Promise<Server | string> {
  const { program, data, account, settings, signal } = options;
  const fixed = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'lc_messages=C',
    // As docker-compose.yml has it: a query over years of telemetry locks their partitions, one a day.
    'max_locks_per_transaction=512',
  ];
  const child = Bun.spawn(
    [
      ...runAs(account),
      program,
      '-D',
      account === undefined ? data : '/proc/self/cwd',
      '-p',
      String(port),
      ...[...fixed, ...settings].flatMap((setting) => ['-c', setting]),
    ],
    {
      cwd: data,
      env: { PATH: process.env.PATH, LC_ALL: 'C', SystemRoot: process.env.SystemRoot },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
    },
  );
  const ended = child.exited.then(() => {});
  const stop = async (kind: 'SIGINT' | 'SIGQUIT') => {
    child.kill(kind);
    await ended;
  };
  const onAbort = () => child.kill('SIGQUIT');
  signal.addEventListener('abort', onAbort, { once: true });
  const limit = setTimeout(() => child.kill('SIGQUIT'), START_LIMIT_MS);
  const { promise, resolve } = Promise.withResolvers<Server | string>();
  let said = '';
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stderr) {
      said = `${said}${decoder.decode(bytes, { stream: true })}`.slice(-4_000);
      if (said.includes(READY)) resolve({ port, ended, stop });
    }
    resolve(said);
  };
  void read();
  const outcome = await promise;
  clearTimeout(limit);
  signal.removeEventListener('abort', onAbort);
  if (typeof outcome === 'string') await ended;
  return outcome;
}

/** The server of a stack that was killed may still be shutting down. */
async function predecessorGone(data: string, signal: AbortSignal): Promise<void> {
  const end = performance.now() + PREDECESSOR_LIMIT_MS;
  for (;;) {
    signal.throwIfAborted();
    const lock = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
    const pid = Number(lock.split('\n')[0]);
    if (!Number.isInteger(pid) || pid <= 0 || !isRunning(pid)) return;
    if (performance.now() > end) {
      throw new PostgresError(`The database in ${data} is in use by process ${pid}; end that one first.`);
    }
    await Bun.sleep(50);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function freePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  probe.stop();
  return probe.port;
}
