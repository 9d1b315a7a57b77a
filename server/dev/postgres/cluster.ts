import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, databaseAccount, isRoot, runAs } from './account.ts';
import { findBinaries } from './binaries.ts';
import { PostgresError } from './postgres-error.ts';
import { runnableBinaries, temporaryFolder } from './runnable-binaries.ts';
import { type Server, startServer } from './server-process.ts';

export interface Cluster {
  readonly url: string;
  /** Resolves when the server has ended, by whatever cause. */
  readonly ended: Promise<void>;
  /** Stops the server, and removes what was temporary. */
  close(): Promise<void>;
}

/** Nothing of it outlives the process, so nothing has to reach the disk. */
const THROW_AWAY = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300'];

/**
 * Initialises the cluster in `folder` (a temporary one if not given) where there is none yet, and starts its server.
 *
 * The folder holds `data`, which belongs to the account that runs PostgreSQL, and `password`.
 */
export async function openCluster(
  folder: string | undefined,
  signal: AbortSignal,
  announce: (line: string) => void,
): Promise<Cluster> {
  const temporary: string[] = [];
  const removeTemporary = async () => {
    for (const each of temporary) await rm(each, { recursive: true, force: true, maxRetries: 5 });
  };
  let server: Server | undefined;
  try {
    const account = await accountOf(folder, announce);
    const home = folder ?? (await temporaryFolder(temporary));
    await mkdir(home, { recursive: true, mode: 0o700 });
    const native = await runnableBinaries(await findBinaries(), account, temporary);
    const password = await initialise(native, home, account, signal);
    server = await startServer({
      program: join(native, 'bin/postgres'),
      data: join(home, 'data'),
      account,
      settings: folder === undefined ? THROW_AWAY : [],
      signal,
    });
    const started = server;
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${server.port}/postgres`,
      ended: server.ended,
      async close() {
        await started.stop(folder === undefined ? 'SIGQUIT' : 'SIGINT');
        await removeTemporary();
      },
    };
  } catch (error) {
    await removeTemporary();
    throw error;
  }
}

/** Existing data decides: PostgreSQL serves only what its own account owns. */
async function accountOf(
  folder: string | undefined,
  announce: (line: string) => void,
): Promise<Account | undefined> {
  const owner = folder === undefined ? undefined : await stat(join(folder, 'data')).catch(() => undefined);
  if (owner === undefined) return databaseAccount(announce);
  if (isRoot()) return { uid: owner.uid, gid: owner.gid };
  if (owner.uid === process.getuid?.() || process.getuid === undefined) return undefined;
  throw new PostgresError(
    `The database in ${folder} belongs to another account (uid ${owner.uid}): start the stack as that one, or choose another DATA_DIR.`,
  );
}

/** Makes the cluster where there is none, completely or not at all, and returns the password of its superuser. */
async function initialise(
  native: string,
  home: string,
  account: Account | undefined,
  signal: AbortSignal,
): Promise<string> {
  const data = join(home, 'data');
  const passwordFile = join(home, 'password');
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version !== undefined) {
    const ours = majorVersion(native);
    if (ours !== version.trim()) {
      throw new PostgresError(
        `${home} holds a database of PostgreSQL ${version.trim()}, which PostgreSQL ${ours} cannot read: choose another DATA_DIR, or dump it with the version that made it.`,
      );
    }
    return (await readFile(passwordFile, 'utf8')).trim();
  }
  const password = randomBytes(24).toString('hex');
  const work = join(home, 'new');
  await rm(work, { recursive: true, force: true });
  await mkdir(join(work, 'data'), { mode: 0o700, recursive: true });
  await writeFile(join(work, 'password'), `${password}\n`, { mode: 0o600 });
  if (account !== undefined) {
    for (const path of [work, join(work, 'data'), join(work, 'password')])
      await chown(path, account.uid, account.gid);
  }
  const child = Bun.spawn(
    [
      ...runAs(account),
      join(native, 'bin/initdb'),
      // See `startServer`.
      `--pgdata=${account === undefined ? join(work, 'data') : '/proc/self/cwd'}`,
      '--pwfile=../password',
      '--username=postgres',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-sync',
    ],
    {
      cwd: join(work, 'data'),
      env: { PATH: process.env.PATH, LC_ALL: 'C', SystemRoot: process.env.SystemRoot },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
      signal,
      killSignal: 'SIGKILL',
    },
  );
  const fault = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new PostgresError(`initdb failed: ${fault.trim()}`);
  await rename(join(work, 'password'), passwordFile);
  await rename(join(work, 'data'), data);
  await rm(work, { recursive: true, force: true });
  return password;
}

/** `18` of `postgres (PostgreSQL) 18.4`. */
function majorVersion(native: string): string {
  const { stdout } = Bun.spawnSync([join(native, 'bin/postgres'), '--version'], { cwd: '/' });
  return /(\d+)\.\d/.exec(stdout.toString())?.[1] ?? '';
}
