import { describe, expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { loadConfig, variableNames } from '../src/config.ts';
import { openDatabase } from '../src/platform/db/client.ts';
import { startRefusingDatabase } from './fake-postgres.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (name: string) => readFile(new URL(name, ROOT), 'utf8');

/** The lists of variables in a page: blocks of nothing but `NAME=value`. */
function variableLists(page: string): Record<string, string>[] {
  return [...page.matchAll(/^```\w*\n((?:[A-Z_]+=.*\n)+)```$/gm)].map(([, lines = '']) =>
    Object.fromEntries(
      lines
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    ),
  );
}

/** A value as Railway fills it in: secrets, and references to other services. */
function filledIn(name: string, value: string): string {
  return value
    .replace(/\$\{\{secret\((\d+), "[^"]+"\)\}\}/g, (_, length) =>
      `${name}0123456789abcdef`.repeat(9).slice(0, Number(length)),
    )
    .replace(/\$\{\{\w+\.RAILWAY_TCP_PROXY_PORT\}\}/g, '12345')
    .replace(/\$\{\{\w+\.RAILWAY_\w+_DOMAIN\}\}/g, 'host.railway.example')
    .replace(
      '${{Postgres.DATABASE_URL}}',
      'postgresql://postgres:secret@postgres.railway.example:5432/railway',
    )
    .replace('${{mqtt.MQTT_SECRET_KEY}}', '0123456789abcdef');
}

describe("Railway's variables", () => {
  test.each(['README.md', 'docs/operations.md'])(
    'in %s start the server as they are written',
    async (page) => {
      const lists = variableLists(await read(page)).filter((list) => 'DATABASE_URL' in list);
      expect(lists).toHaveLength(1);
      const [list = {}] = lists;
      const env = Object.fromEntries(
        Object.entries(list).map(([name, value]) => [name, filledIn(name, value)]),
      );
      expect(Object.values(env).filter((value) => value.includes('${{'))).toEqual([]);
      const config = loadConfig(env, 'host');
      expect(config.emqx.apiKey).toBe('simple-iot-server');
      // Replicas share the list, and must not share a name.
      expect(config.instanceId).toBe('host');
    },
  );

  test('are the same in README.md and docs/operations.md', async () => {
    const [readme, operations] = await Promise.all(['README.md', 'docs/operations.md'].map(read));
    const ofServer = (page = '') => variableLists(page).find((list) => 'DATABASE_URL' in list);
    expect(ofServer(readme)).toEqual(ofServer(operations));
  });
});

describe('README.md', () => {
  test('lists every variable of the server, and no other', async () => {
    const rows = [...(await read('README.md')).matchAll(/^\| ((?:`[A-Z_]+`(?:, )?)+) \| /gm)];
    const listed = rows.flatMap(([, names = '']) =>
      [...names.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name),
    );
    expect(
      listed.filter((name) => !['OK', 'FORBIDDEN', 'NOT_REGISTERED', 'ERROR'].includes(name)).toSorted(),
    ).toEqual([...variableNames].toSorted());
  });
});

test('docs/operations.md names every startup parameter that PgBouncer does not take by itself', async () => {
  const refusing = await startRefusingDatabase('28P01');
  const database = openDatabase(`postgres://user:secret@127.0.0.1:${refusing.port}/iot`);
  expect(await database.state()).toBe('refuses the user or password');
  await database.close(100);
  await refusing.close();
  // PgBouncer's manual, "ignore_startup_parameters".
  const taken = ['user', 'database', 'client_encoding', 'application_name'];
  const others = Object.keys(refusing.startup()).filter((name) => !taken.includes(name));
  const [, ignored = ''] =
    /`ignore_startup_parameters = ([^`]+)`/.exec(await read('docs/operations.md')) ?? [];
  expect(ignored.split(', ').toSorted()).toEqual(others.toSorted());
});

test.each([
  'README.md',
  'docs/operations.md',
  'docs/security.md',
  'docs/architecture.md',
  'docs/alerts.md',
  'docs/monitoring.md',
  'CONTRIBUTING.md',
])('every file that %s links to exists', async (page) => {
  const links = [...(await read(page)).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, path = '']) => path);
  for (const path of links) {
    const found = await Bun.file(new URL(path, new URL(page, ROOT)))
      .stat()
      .then(
        () => true,
        () => false,
      );
    expect(found, `${page}: ${path}`).toBe(true);
  }
});
