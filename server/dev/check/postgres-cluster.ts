import { chmodSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunCommand } from './command.ts';

export interface PostgresCluster {
  url: string;
  close(): Promise<void>;
}

/** The folder with PostgreSQL's server binaries, the newest version where there are several. */
export function findPostgresBinaries(
  debianFolder = '/usr/lib/postgresql',
  path = process.env.PATH,
): string | undefined {
  const versions = listFolder(debianFolder)
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(b) - Number(a));
  const folders = [
    ...versions.map((version) => join(debianFolder, version, 'bin')),
    ...(path ?? '').split(':').filter((folder) => folder !== ''),
  ];
  return folders.find((folder) =>
    ['initdb', 'pg_ctl', 'postgres'].every((name) => listFolder(folder).includes(name)),
  );
}

/**
 * Starts a throw-away PostgreSQL on a free loopback port. One shell watches over it: when its standard input ends,
 * because the cluster was closed or because this process was killed, it stops the server and removes the data.
 */
export async function startPostgresCluster(
  binaries: string,
  run: RunCommand,
  env: Record<string, string | undefined>,
): Promise<PostgresCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'check-postgres-'));
  const password = crypto.randomUUID();
  // initdb and the server refuse to run as root.
  const user = process.getuid?.() === 0 ? findUnprivilegedUser() : undefined;
  const asUser = user === undefined ? [] : ['runuser', '-u', user, '--'];
  const options = { cwd: folder, env: { ...env, LC_ALL: 'C.UTF-8' }, timeoutMs: 120_000 };
  const data = join(folder, 'data');

  const watcher = Bun.spawn(['sh', '-c', WATCH, 'sh', folder, data, ...asUser, join(binaries, 'pg_ctl')], {
    cwd: '/',
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'ignore',
    env,
    detached: true,
  });
  const close = async () => {
    await watcher.stdin.end();
    await watcher.exited;
  };
  const must = async (command: string[]) => {
    const { exitCode, output } = await run(command, options);
    if (exitCode !== 0) throw new Error(`${command.join(' ')}: exit code ${exitCode}\n${output}`);
  };

  try {
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    chmodSync(folder, 0o700);
    if (user !== undefined) await must(['chown', '-R', user, folder]);
    await must([
      ...asUser,
      join(binaries, 'initdb'),
      `--pgdata=${data}`,
      '--username=postgres',
      '--auth=password',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C.UTF-8',
      '--no-sync',
    ]);
    const port = findFreePort();
    const settings = [
      `-c port=${port}`,
      '-c listen_addresses=127.0.0.1',
      '-c unix_socket_directories=',
      '-c max_connections=200',
      '-c fsync=off',
      '-c synchronous_commit=off',
      '-c full_page_writes=off',
      '-c log_min_messages=error',
    ].join(' ');
    await must([
      ...asUser,
      join(binaries, 'pg_ctl'),
      'start',
      '--wait',
      '--timeout=60',
      '--silent',
      `--pgdata=${data}`,
      `--log=${join(folder, 'log')}`,
      `--options=${settings}`,
    ]);
    return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const WATCH = `
trap '' INT TERM HUP
folder=$1 data=$2
shift 2
cat >/dev/null
"$@" stop --mode=immediate --silent --pgdata="$data"
# What was still being started may write for a moment.
for attempt in 1 2 3 4 5; do
  rm -rf "$folder" && break
  sleep 1
done
`;

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function findUnprivilegedUser(): string {
  return Bun.spawnSync(['id', '-u', 'postgres'], { stderr: 'ignore' }).success ? 'postgres' : 'nobody';
}

function findFreePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  probe.stop();
  return probe.port;
}
