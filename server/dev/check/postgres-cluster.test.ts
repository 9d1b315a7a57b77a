import { expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SQL } from 'bun';
import { runCommand } from './command.ts';
import { findPostgresBinaries, startPostgresCluster } from './postgres-cluster.ts';

const binaries = findPostgresBinaries();

test('the newest version is found, and a folder without the server is passed over', () => {
  const folder = mkdtempSync(join(tmpdir(), 'binaries-'));
  try {
    for (const [version, programs] of [
      ['9', ['initdb', 'pg_ctl', 'postgres']],
      ['15', ['initdb', 'pg_ctl', 'postgres']],
      ['17', ['psql']],
    ] as const) {
      mkdirSync(join(folder, version, 'bin'), { recursive: true });
      for (const program of programs) writeFileSync(join(folder, version, 'bin', program), '');
    }
    expect(findPostgresBinaries(folder, '')).toBe(join(folder, '15', 'bin'));
    expect(findPostgresBinaries(join(folder, 'none'), `/nowhere:${join(folder, '9/bin')}`)).toBe(
      join(folder, '9/bin'),
    );
    expect(findPostgresBinaries(join(folder, 'none'), '/nowhere')).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.skipIf(binaries === undefined)(
  'a cluster takes connections with its password alone and leaves nothing behind',
  async () => {
    const cluster = await startPostgresCluster(binaries as string, runCommand, process.env);
    const sql = new SQL(cluster.url, { max: 1 });
    const [row] =
      await sql`select current_setting('max_connections') as limit, current_setting('data_directory') as folder`;
    await sql.close();
    const wrong = new URL(cluster.url);
    wrong.password = 'guess';
    const refused = new SQL(wrong.href, { max: 1 });
    expect(
      await refused`select 1`.then(
        () => 'let in',
        () => 'refused',
      ),
    ).toBe('refused');
    await cluster.close();

    expect(row.limit).toBe('200');
    expect(existsSync(row.folder)).toBe(false);
    const gone = new SQL(cluster.url, { max: 1, connectionTimeout: 2 });
    expect(
      await gone`select 1`.then(
        () => 'there',
        () => 'gone',
      ),
    ).toBe('gone');
  },
);

test('a cluster that cannot be started says why', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'binaries-'));
  try {
    chmodSync(folder, 0o755);
    for (const program of ['initdb', 'pg_ctl']) {
      writeFileSync(join(folder, program), '#!/bin/sh\necho "no space left"; exit 1\n', { mode: 0o755 });
    }
    await expect(startPostgresCluster(folder, runCommand, process.env)).rejects.toThrow('no space left');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
