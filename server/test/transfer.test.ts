import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { importReport } from '../contract/api/devices.ts';
import { exportDevices } from '../src/bulk/export-devices.ts';
import { importDevices } from '../src/bulk/import-devices.ts';
import { systemClock } from '../src/platform/clock.ts';
import { readCsv } from '../src/platform/csv.ts';
import { auditOf, callApi, createApiKey, insertDevices } from './devices.ts';
import { AGENT_SECRET, callDevice, type Stack, startStack, tokenPath } from './harness.ts';

let stack: Stack;
let key: string;

beforeAll(async () => {
  stack = await startStack({ broker: false, env: { ENROLLMENT: 'closed' } });
  key = await createApiKey(stack, 'admin');
}, 60_000);
afterAll(() => stack.close());

function send(body: string | Uint8Array<ArrayBuffer>, type = 'text/csv; charset=utf-8') {
  return callApi(stack, key, 'POST', '/devices/import', { body, headers: { 'content-type': type } });
}

async function importCsv(text: string): Promise<z.output<typeof importReport>> {
  const response = await send(text);
  expect(response.status).toBe(200);
  return importReport.parse(await response.json());
}

const exportCsv = async (query = '') =>
  await (await callApi(stack, key, 'GET', `/devices/export.csv${query}`)).text();

test('imports the valid lines among 5,000, and reports the result of each', async () => {
  const known = randomUUID();
  const master = randomUUID();
  await insertDevices(stack, 2, (at) => ({
    id: at === 0 ? known : master,
    role: at === 0 ? 'agent' : 'master',
  }));
  const ids = Array.from({ length: 5_000 }, () => randomUUID());
  const lines = ids.map((id, at) => `${id},agent,"Sensor ""${at}"", north",north;cold`);
  lines[99] = 'no-uuid,agent,x,';
  lines[100] = `${randomUUID()},gateway,x,`;
  lines[101] = `${randomUUID()},agent,${'x'.repeat(101)},`;
  lines[102] = `${randomUUID()},agent`;
  lines[103] = `${known.toUpperCase()},agent,other name,`;
  lines[104] = `${master},agent,x,`;
  lines[105] = `${ids[0]},agent,again,`;
  lines[106] = `00000000-0000-0000-0000-000000000000,agent,x,`;
  const report = await importCsv(`\ufeffid,role,name,tags\r\n${lines.join('\r\n')}\r\n`);
  expect(report).toMatchObject({ created: 4_992, existing: 2, errors: 6, ignoredColumns: [] });
  expect(report.lines).toHaveLength(5_000);
  expect(report.lines[0]).toEqual({ line: 2, id: ids[0] ?? '', status: 'created' });
  const special = report.lines
    .slice(99, 107)
    .map(({ line, id, status, reason }) => [line, id, status, reason]);
  expect(special).toEqual([
    [101, null, 'error', expect.stringContaining('id:')],
    [102, expect.any(String), 'error', expect.stringContaining('role:')],
    [103, expect.any(String), 'error', expect.stringContaining('name:')],
    [104, null, 'error', 'has 2 fields, the first line has 4'],
    [105, known, 'exists', undefined],
    [106, master, 'error', 'is already registered as master'],
    [107, ids[0], 'exists', undefined],
    [108, null, 'error', expect.stringContaining('id:')],
  ]);
  const [row] = await stack.sql`
    select name, tags, role, state, generation from devices where id = ${ids[42] ?? ''}`;
  expect(row).toEqual({
    name: 'Sensor "42", north',
    tags: ['north', 'cold'],
    role: 'agent',
    state: 'active',
    generation: 1,
  });
  const [unchanged] = await stack.sql`select name from devices where id = ${known}`;
  expect(unchanged?.name).toBe('');
  expect(await auditOf(stack, ids[42] ?? '')).toMatchObject([
    { action: 'device.registered', actor_kind: 'api_key', after: { role: 'agent', tags: ['north', 'cold'] } },
  ]);
  expect(await callDevice(stack.url, tokenPath(ids[42] ?? ''), AGENT_SECRET)).toMatchObject({ c: 'OK' });
}, 30_000);

test('repeated, an import changes nothing', async () => {
  const text = `role,id\nagent,${randomUUID()}\nmaster,${randomUUID()}\n`;
  expect(await importCsv(text)).toMatchObject({ created: 2, existing: 0, errors: 0 });
  expect(await importCsv(text)).toMatchObject({ created: 0, existing: 2, errors: 0 });
});

test('one that was deleted is imported above its old generation', async () => {
  const id = randomUUID();
  await stack.sql`insert into retired_devices (id, generation) values (${id}, 3)`;
  await importCsv(`id,role\n${id},agent\n`);
  const [row] = await stack.sql`select generation from devices where id = ${id}`;
  expect(row?.generation).toBe(4);
});

test('broken quotes end the import, and the lines before them are registered', async () => {
  const [good, bad] = [randomUUID(), randomUUID()];
  const report = await importCsv(
    `id,role,name\n${good},agent,x\n${bad},agent,"x"y\n${randomUUID()},agent,z\n`,
  );
  expect(report).toMatchObject({ created: 1, errors: 1 });
  expect(report.lines[1]).toMatchObject({
    line: 3,
    status: 'error',
    reason: expect.stringContaining('nothing from'),
  });
});

test('an import that the database breaks off ends with its report, and can be repeated', async () => {
  await stack.sql`
    create function stall() returns trigger language plpgsql as 'begin perform pg_sleep(20); return new; end'`;
  await stack.sql`create trigger stall before insert on devices for each row when (new.name = 'stalls') execute function stall()`;
  const ids = Array.from({ length: 1_200 }, () => randomUUID());
  const text = `id,role,name\n${ids.map((id, at) => `${id},agent,${at === 700 ? 'stalls' : ''}`).join('\n')}\n`;
  const broken = await importCsv(text);
  expect(broken).toMatchObject({ created: 500, existing: 0, errors: 700 });
  expect(broken.lines.at(-1)?.reason).toContain('Import the file again');
  await stack.sql`drop trigger stall on devices`;
  expect(await importCsv(text)).toMatchObject({ created: 700, existing: 500, errors: 0 });
}, 60_000);

test('an import whose time is up ends with its report', async () => {
  let monotonic = 0;
  const clock = { ...systemClock, monotonic: () => (monotonic += 15_000) };
  const ids = Array.from({ length: 2_000 }, () => randomUUID());
  const unused = () => Promise.reject(new Error('nothing is paired'));
  const report = await importDevices(
    { db: stack.services.db, clock, changes: { enqueue: unused, flush: unused }, tokenTtlSeconds: 60 },
    `id,role\n${ids.map((id) => `${id},agent`).join('\n')}\n`,
    { at: new Date(), actorKind: 'system', actor: 'test' },
  );
  expect(report).toMatchObject({ created: 1_000, errors: 1_000 });
  expect(report.lines.at(-1)?.reason).toStartWith('The time for one request was up.');
});

test('records beyond 20,000 are not imported, and the report says from which line', async () => {
  const report = await importCsv(`id,role\n${'x,agent\n'.repeat(20_002)}`);
  expect(report).toMatchObject({ created: 0, errors: 20_001 });
  expect(report.lines.at(-1)).toMatchObject({ line: 20_002, reason: expect.stringContaining('20000') });
});

test.each([
  ['nothing', '', 422],
  ['no column of roles', 'id,name\n', 422],
  ['an unknown column', 'id,role,colour\n', 422],
  ['a column twice', 'id,role,id\n', 422],
])('a document with %s is refused', async (_, text, status) => {
  const response = await send(text);
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ type: '/problems/validation-failed' });
});

const excel = (id: string) =>
  `id;role;name;tags;;\r\n${id};agent;Fühler Süd;"kalt;Süd";;\r\n;;;;;\r\n;;;;;\r\n`;

test.each<[string, (text: string) => Uint8Array<ArrayBuffer>]>([
  ['UTF-8 with a byte-order mark', (text) => new TextEncoder().encode(`\ufeff${text}`)],
  ['windows-1252', (text) => new Uint8Array(Buffer.from(text, 'latin1'))],
  ['UTF-16', (text) => new Uint8Array(Buffer.from(`\ufeff${text}`, 'utf16le'))],
  ['UTF-16 without a byte-order mark', (text) => new Uint8Array(Buffer.from(text, 'utf16le'))],
  [
    'tabs in UTF-16',
    (text) =>
      new Uint8Array(
        Buffer.from(
          `\ufeff${text.replace('kalt;', 'kalt#').replaceAll(';', '\t').replace('#', ';')}`,
          'utf16le',
        ),
      ),
  ],
  ['UTF-8, decomposed', (text) => new TextEncoder().encode(text.normalize('NFD'))],
  ['a line that names the separator', (text) => new TextEncoder().encode(`sep=;\r\n${text}`)],
])('takes what Excel writes with umlauts and cleared cells: %s', async (_, encode) => {
  const id = randomUUID();
  const response = await send(encode(excel(id)), 'text/csv');
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ created: 1, errors: 0 });
  const [row] = await stack.sql`select name, tags from devices where id = ${id}`;
  expect(row).toEqual({ name: 'Fühler Süd', tags: ['kalt', 'Süd'] });
  for (const form of ['NFC', 'NFD']) {
    const query = new URLSearchParams({ q: 'fühler süd'.normalize(form), limit: '200' });
    expect(await (await callApi(stack, key, 'GET', `/devices?${query}`)).text()).toContain(id);
  }
});

test('pairs agents with masters that the same file names later, and leaves other pairings', async () => {
  const [master, agent, paired] = [randomUUID(), randomUUID(), randomUUID()];
  const [other = ''] = await insertDevices(stack, 1, () => ({ role: 'master' }));
  await insertDevices(stack, 1, () => ({ id: paired, master: other }));
  const unknown = randomUUID();
  const stray = randomUUID();
  const report = await importCsv(
    `id,role,master\n${agent},agent,${master}\n${paired},agent,${master}\n${stray},agent,${unknown}\n${master},master,\n`,
  );
  expect(report).toMatchObject({ created: 3, existing: 1, errors: 0, paired: 1 });
  expect(report.lines.map(({ paired: isPaired, reason }) => [isPaired, reason])).toEqual([
    [true, undefined],
    [false, `not paired: it is paired with ${other}`],
    [false, `not paired: Device ${unknown} not found.`],
    [undefined, undefined],
  ]);
  const [row] = await stack.sql`select master_id from devices where id = ${agent}`;
  expect(row?.master_id).toBe(master);
}, 30_000);

test('the export begins with the mark by which Excel knows UTF-8', async () => {
  const response = await callApi(stack, key, 'GET', '/devices/export.csv');
  expect([...new Uint8Array(await response.arrayBuffer()).slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
});

test('what is not text, not CSV, or too large is refused, and a wrong type names the right one', async () => {
  expect((await send(new Uint8Array([0x41, 0x42, 0, 0]))).status).toBe(422);
  const wrong = await send('x'.repeat(100_000), 'application/json');
  expect(wrong.status).toBe(415);
  expect(await wrong.json()).toMatchObject({ detail: 'Send the body as text/csv.' });
  expect((await send('x'.repeat(4 * 1024 * 1024 + 1))).status).toBe(413);
});

test('the export holds every device once, no formulas, and can be imported as it is', async () => {
  await stack.sql`delete from devices`;
  const ids = await insertDevices(stack, 2_500, (at) => ({ name: `device ${at}` }));
  const [first = ''] = ids;
  await stack.sql`
    update devices set name = '=HYPERLINK("http://x")', notes = ${'-1\n"two", three'}, tags = '{a,b}' where id = ${first}`;
  const response = await callApi(stack, key, 'GET', '/devices/export.csv');
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(response.headers.get('content-disposition')).toBe('attachment; filename="devices.csv"');
  const text = await response.text();
  const records = await Array.fromAsync(readCsv(text));
  const written = records.slice(1).map((record) => ('fields' in record ? record.fields : []));
  expect(written.map(([id]) => id)).toEqual(ids.toSorted());
  for (const field of written.flat()) expect(field).not.toMatch(/^[=+\-@]/);

  await stack.sql`delete from devices`;
  const report = await importCsv(text);
  expect(report).toMatchObject({ created: 2_500, existing: 0, errors: 0 });
  expect(report.ignoredColumns).toContain('state');
  const [row] = await stack.sql`select name, notes, tags from devices where id = ${first}`;
  expect(row).toEqual({ name: '=HYPERLINK("http://x")', notes: '-1\n"two", three', tags: ['a', 'b'] });
}, 30_000);

test('what looks like a formula comes back as it was, with and without apostrophes of its own', async () => {
  await stack.sql`delete from devices`;
  const names = ['-1', '=1+1', '+49 30', '@home', "'-1", "''=x", "'quoted'", '-', 'a-b'];
  const ids = await insertDevices(stack, names.length, (at) => ({ name: names[at] ?? '' }));
  await stack.sql`update devices set notes = name, tags = array[name]`;
  const text = await exportCsv();
  await stack.sql`delete from devices`;
  expect(await importCsv(text)).toMatchObject({ created: names.length, errors: 0 });
  const rows = await stack.sql<{ id: string; name: string; notes: string; tags: string[] }[]>`
    select id, name, notes, tags from devices`;
  const found = new Map(rows.map(({ id, ...row }) => [id, row]));
  expect(ids.map((id) => found.get(id))).toEqual(names.map((name) => ({ name, notes: name, tags: [name] })));
});

test('an export that fails is aborted, not ended', async () => {
  await stack.sql`delete from devices`;
  await insertDevices(stack, 1_500, () => ({}));
  let reads = 0;
  const db = new Proxy(stack.services.db, {
    get(target, property) {
      if (property === 'select' && ++reads > 1) throw new Error('the database is unreachable');
      return Reflect.get(target, property, target);
    },
  });
  const body = await exportDevices(db, {});
  const server = Bun.serve({ port: 0, fetch: () => new Response(body), error: () => undefined });
  await expect(fetch(server.url).then((response) => response.text())).rejects.toThrow();
  await server.stop(true);
});

test('the export accepts the filters of the list', async () => {
  const [master = ''] = await insertDevices(stack, 1, () => ({ role: 'master', name: 'Export hall' }));
  const text = await exportCsv('?role=master&q=export%20hall');
  expect(text.trim().split('\r\n')).toHaveLength(2);
  expect(text).toContain(master);
  expect((await callApi(stack, key, 'GET', '/devices/export.csv?role=x')).status).toBe(400);
});
