import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { deviceKey } from '../src/platform/secrets.ts';
import {
  type ApiClient,
  apiClient,
  auditOf,
  callApi,
  createApiKey,
  insertDevices,
  statusOf,
} from './devices.ts';
import {
  AGENT_SECRET,
  callDevice,
  MASTER_SECRET,
  registerDevice,
  type Stack,
  startStack,
  tokenPath,
} from './harness.ts';

let stack: Stack;
let api: ApiClient;
let adminKey: string;
let viewerKey: string;

beforeAll(async () => {
  stack = await startStack();
  api = await apiClient(stack);
  adminKey = await createApiKey(stack, 'admin');
  viewerKey = await createApiKey(stack, 'viewer');
}, 60_000);
afterAll(() => stack.close());

const page = z.object({
  items: z.array(z.object({ id: z.string(), name: z.string() })),
  next: z.string().nullable(),
});

async function list(query: Record<string, string>) {
  const response = await callApi(stack, adminKey, 'GET', `/devices?${new URLSearchParams(query)}`);
  expect(response.status).toBe(200);
  return page.parse(await response.json());
}

async function listAll(query: Record<string, string>): Promise<string[]> {
  const ids: string[] = [];
  let next: string | null = '';
  while (next !== null) {
    const answer: z.output<typeof page> = await list({ ...query, ...(next ? { cursor: next } : {}) });
    ids.push(...answer.items.map(({ id }) => id));
    next = answer.next;
  }
  return ids;
}

describe('GET /api/v1/devices', () => {
  const inserted: string[] = [];
  /** Until the server compares the device with the sessions of the broker, where it has none. */
  const markConnected = () =>
    stack.sql`update devices set connected_at = now() where id = ${inserted[4] ?? ''}`;
  let master: string;

  beforeAll(async () => {
    [master = ''] = await insertDevices(stack, 1, () => ({ role: 'master', name: 'Hall 100%_a' }));
    inserted.push(
      ...(await insertDevices(stack, 25, (at) => ({
        name: `sensor ${String(24 - at).padStart(2, '0')}`,
        ...(at < 5 ? { master } : {}),
      }))),
    );
    await stack.sql`update devices set tags = '{cold,north}' where id = ${inserted[3] ?? ''}`;
    await markConnected();
    await stack.sql`update devices set state = 'revoked' where id = ${inserted[5] ?? ''}`;
    for (const at of [1, 2, 3]) {
      await stack.sql`
        update devices set last_seen_at = timestamptz '2026-02-01 00:00:00.123456' + ${at} * interval '1 microsecond'
        where id = ${inserted[at] ?? ''}`;
    }
  });

  test.each([
    ['createdAt', 'asc'],
    ['createdAt', 'desc'],
    ['name', 'asc'],
    ['name', 'desc'],
  ])('pages by %s %s hold every device once, in order', async (sort, order) => {
    const ids = await listAll({ sort, order, limit: '7', q: 'sensor' });
    const ascending = sort === 'createdAt' ? inserted : inserted.toReversed();
    expect(ids).toEqual(order === 'asc' ? ascending : ascending.toReversed());
  });

  test.each(['asc', 'desc'])(
    'by lastSeenAt %s, devices never seen come last, and microseconds count',
    async (order) => {
      const ids = await listAll({ sort: 'lastSeenAt', order, limit: '2', q: 'sensor' });
      const seen = inserted.slice(1, 4);
      expect(ids.slice(0, 3)).toEqual(order === 'asc' ? seen : seen.toReversed());
      expect(ids.toSorted()).toEqual(inserted.toSorted());
    },
  );

  test('pages go on behind devices whose UUIDs are of no version of RFC 9562', async () => {
    const ids = ['0', '9', 'f'].map((version) => randomUUID().replace(/^(.{14})./, `$1${version}`));
    await insertDevices(stack, ids.length, (at) => ({ id: ids[at] ?? '', name: `versionless ${at}` }));
    for (const sort of ['createdAt', 'name', 'lastSeenAt']) {
      const found = await listAll({ q: 'versionless', sort, limit: '1' });
      expect(found.toSorted()).toEqual(ids.toSorted());
    }
    await stack.sql`delete from devices where id in ${stack.sql(ids)}`;
  });

  test('a cursor continues where its page ended, whatever was inserted or deleted meanwhile', async () => {
    const first = await list({ sort: 'name', limit: '5', q: 'sensor' });
    const [early] = await insertDevices(stack, 1, () => ({ name: 'sensor 00a' }));
    const last = first.items.at(-1)?.id ?? '';
    await stack.sql`update devices set name = 'moved' where id = ${last}`;
    const second = await list({ sort: 'name', limit: '5', q: 'sensor', cursor: first.next ?? '' });
    expect(second.items.map(({ name }) => name)).toEqual([5, 6, 7, 8, 9].map((n) => `sensor 0${n}`));
    await stack.sql`delete from devices where id = ${early ?? ''}`;
    await stack.sql`update devices set name = 'sensor 04' where id = ${last}`;
  });

  test('finds a device by the start of its UUID, case-insensitively', async () => {
    const id = inserted[7] ?? '';
    for (const length of [4, 8, 9, 13, 36]) {
      expect(await listAll({ q: id.slice(0, length).toUpperCase(), limit: '200' })).toContain(id);
    }
    expect(await listAll({ q: id })).toEqual([id]);
  });

  test.each([
    ['in either case', 'SENSOR 07', ['sensor 07']],
    ['as they are, "%" and "_" included', '0%_', ['Hall 100%_a']],
    ['and not as a pattern', 'sensor%07', []],
    ['nor as an escape', '\\', []],
  ])('finds parts of names %s', async (_, q, names) => {
    expect((await list({ q })).items.map(({ name }) => name)).toEqual(names);
  });

  test('filters by role, state, presence, master and tag', async () => {
    expect(await listAll({ role: 'master', q: 'Hall' })).toEqual([master]);
    expect(await listAll({ state: 'revoked' })).toEqual([inserted[5] ?? '']);
    await markConnected();
    expect(await listAll({ online: 'true' })).toEqual([inserted[4] ?? '']);
    expect(await listAll({ master })).toEqual(inserted.slice(0, 5));
    expect(await listAll({ tag: 'north' })).toEqual([inserted[3] ?? '']);
    expect(await listAll({ master: 'none', q: 'sensor' })).toEqual(inserted.slice(5));
    expect(await listAll({ master, online: 'false', q: 'sensor 24' })).toEqual(inserted.slice(0, 1));
  });

  test("a master's agents have a list of their own, and are counted", async () => {
    const response = await api.devices[':id'].agents.$get({ param: { id: master }, query: { limit: '3' } });
    const answer = page.parse(await response.json());
    expect(answer.items.map(({ id }) => id)).toEqual(inserted.slice(0, 3));
    expect(answer.next).toBeString();
    expect(await (await api.devices[':id'].$get({ param: { id: master } })).json()).toMatchObject({
      role: 'master',
      agents: 5,
      master: null,
    });
    await markConnected();
    const agent = await (await api.devices[':id'].$get({ param: { id: inserted[4] ?? '' } })).json();
    expect(agent).toMatchObject({ agents: null, master, online: true });
  });

  test.each([
    ['limit=0', 'limit'],
    ['q=%00', 'q'],
    ['tag=%00', 'tag'],
    ['limit=201', 'limit'],
    ['sort=notes', 'sort'],
    ['role=gateway', 'role'],
    ['master=x', 'master'],
    ['cursor=x', 'cursor'],
    [`cursor=${Buffer.from('{"s":"name","o":"asc","v":"a","id":"x"}').toString('base64url')}`, 'cursor.id'],
    [
      `cursor=${Buffer.from(JSON.stringify({ s: 'createdAt', o: 'asc', v: "1'", id: randomUUID() })).toString('base64url')}`,
      'cursor',
    ],
    [
      `cursor=${Buffer.from(JSON.stringify({ s: 'name', o: 'asc', v: 'a', id: randomUUID() })).toString('base64url')}`,
      'cursor',
    ],
  ])('refuses %s with 400 and names the parameter', async (query, field) => {
    const response = await callApi(stack, adminKey, 'GET', `/devices?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ type: '/problems/bad-request', errors: [{ field }] });
  });

  test('pages of 50,000 devices are read by an index', async () => {
    await insertDevices(stack, 50_000, (at) => ({ name: `mass ${at}` }));
    await stack.sql`analyze devices`;
    const plan = await stack.sql`
      explain select id from devices where name is not null and (name, id) > ('mass 3', ${randomUUID()}::uuid)
      order by name asc, id asc limit 51`;
    expect(JSON.stringify(plan)).toContain('devices_name');
    let next: string | undefined;
    const read = new Set<string>();
    for (let page = 0; page < 20; page++) {
      const answer = await list({ sort: 'name', limit: '200', ...(next ? { cursor: next } : {}) });
      for (const { id } of answer.items) read.add(id);
      next = answer.next ?? undefined;
    }
    expect(read.size).toBe(20 * 200);
    await stack.sql`delete from devices where name like 'mass %'`;
  }, 60_000);
});

describe('one device', () => {
  test('is pre-registered once, and gets its token', async () => {
    const id = randomUUID();
    const json = { id, role: 'master' as const, name: 'Boiler', tags: ['north', 'north', 'hot'] };
    const created = await api.devices.$post({ json });
    expect(created.status).toBe(201);
    expect(created.headers.get('etag')).toBe('"1"');
    expect(await created.json()).toMatchObject({
      id,
      role: 'master',
      state: 'active',
      generation: 1,
      name: 'Boiler',
      tags: ['north', 'hot'],
      agents: 0,
    });
    const repeated = await api.devices.$post({ json });
    expect(repeated.status).toBe(200);
    expect(await callDevice(stack.url, tokenPath(id), deviceKey(MASTER_SECRET, id))).toMatchObject({
      c: 'OK',
    });
    expect(await statusOf(api.devices.$post({ json: { ...json, role: 'agent' } }))).toBe(409);
    expect(await statusOf(api.devices.$post({ json: { ...json, name: 'Other' } }))).toBe(409);
    const audited = await auditOf(stack, id);
    expect(audited.map(({ action }) => action)).toEqual(['device.registered']);
    expect(audited[0]).toMatchObject({ actor_kind: 'api_key', after: { role: 'master', name: 'Boiler' } });
  });

  test('is not registered again while it waits for approval or is revoked', async () => {
    for (const state of ['pending', 'revoked']) {
      const id = randomUUID();
      await stack.sql`insert into devices (id, role, state, created_at) values (${id}, 'agent', ${state}, now())`;
      expect(await statusOf(api.devices.$post({ json: { id, role: 'agent' } }))).toBe(409);
    }
  });

  test('is renamed only based on its current version', async () => {
    const [id = ''] = await insertDevices(stack, 1, () => ({ name: 'old' }));
    const param = { id };
    const read = await api.devices[':id'].$get({ param });
    const etag = read.headers.get('etag') ?? '';
    const json = { name: '  new ', notes: 'a\r\nb', tags: ['x'] };
    const edited = await api.devices[':id'].$patch({ param, json }, { headers: { 'if-match': etag } });
    expect(edited.status).toBe(200);
    expect(edited.headers.get('etag')).toBe('"2"');
    expect(await edited.json()).toMatchObject({ name: 'new', notes: 'a\nb', tags: ['x'], version: 2 });

    const late = await api.devices[':id'].$patch(
      { param, json: { name: 'late' } },
      { headers: { 'if-match': etag } },
    );
    expect(late.status).toBe(412);
    const same = await api.devices[':id'].$patch({ param, json: { name: 'new' } });
    expect(same.headers.get('etag')).toBe('"2"');

    expect(await auditOf(stack, id)).toMatchObject([
      {
        action: 'device.edited',
        before: { name: 'old', notes: '', tags: [] },
        after: { name: 'new', notes: 'a\nb', tags: ['x'] },
      },
    ]);
  });

  test.each([
    [{ name: 'x'.repeat(101) }, '/name'],
    [{ name: 'a\u0000b' }, '/name'],
    [{ notes: 'x'.repeat(2_001) }, '/notes'],
    [{ notes: 'a\u0000' }, '/notes'],
    [{ name: 'half \ud83d' }, '/name'],
    [{ tags: ['a;b'] }, '/tags/0'],
    [{ tags: Array.from({ length: 21 }, (_, at) => String(at)) }, '/tags'],
    [{ state: 'active' }, '/state'],
  ])('refuses %j with 422', async (json, field) => {
    const [id = ''] = await insertDevices(stack, 1, () => ({}));
    const response = await callApi(stack, adminKey, 'PATCH', `/devices/${id}`, {
      body: JSON.stringify(json),
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ type: '/problems/validation-failed', errors: [{ field }] });
  });

  test('answers its key and a header for the sketch, audited without the key', async () => {
    const { uuid } = await registerDevice(stack.url, 'agent');
    const response = await api.devices[':id'].key.$post({ param: { id: uuid }, json: {} });
    expect(response.headers.get('cache-control')).toBe('no-store');
    const key = deviceKey(AGENT_SECRET, uuid);
    const answer = await response.json();
    expect(answer).toMatchObject({ id: uuid, role: 'agent', key });
    expect(answer.header).toContain(`constexpr char HOST[] = "${stack.url}";`);
    expect(answer.header).toContain(`constexpr char UUID[] = "${uuid}";`);
    expect(answer.header).toContain(`constexpr char KEY[] = "${key}";`);
    const audited = await auditOf(stack, uuid);
    expect(audited.at(-1)).toMatchObject({ action: 'device.key_shown', after: { role: 'agent' } });
    expect(JSON.stringify(audited)).not.toContain(key);
  });

  test('that is new has the key of the role asked for', async () => {
    const id = randomUUID();
    const key = (json: { role?: 'master' | 'agent'; host?: string }) =>
      api.devices[':id'].key.$post({ param: { id }, json });
    expect((await key({})).status).toBe(422);
    expect(await (await key({ role: 'master', host: 'iot.example.net' })).json()).toMatchObject({
      key: deviceKey(MASTER_SECRET, id),
      header: expect.stringContaining('"iot.example.net"'),
    });
    expect((await key({ role: 'master', host: 'x"\n#error' })).status).toBe(422);
    await insertDevices(stack, 1, () => ({ id, role: 'agent' }));
    expect((await key({ role: 'master' })).status).toBe(409);
  });
});

const unknown = randomUUID();
const changes: [string, string, unknown][] = [
  ['POST', '/devices', { id: unknown, role: 'agent' }],
  ['POST', '/devices/import', undefined],
  ['PATCH', `/devices/${unknown}`, { name: 'x' }],
  ['DELETE', `/devices/${unknown}`, undefined],
  ['POST', `/devices/${unknown}/approve`, undefined],
  ['POST', `/devices/${unknown}/reject`, undefined],
  ['POST', `/devices/${unknown}/revoke`, undefined],
  ['POST', `/devices/${unknown}/restore`, undefined],
  ['POST', `/devices/${unknown}/rotate`, undefined],
  ['POST', `/devices/${unknown}/key`, { role: 'agent' }],
  ['PUT', `/devices/${unknown}/master`, { master: randomUUID() }],
  ['DELETE', `/devices/${unknown}/master`, undefined],
];

function send(key: string | undefined, method: string, path: string, body: unknown) {
  const type = path.endsWith('/import') ? 'text/csv' : 'application/json';
  return fetch(`${stack.url}/api/v1${path}`, {
    method,
    headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), 'content-type': type },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

test.each(changes)(
  '%s %s is refused to a viewer with 403 and without credentials with 401',
  async (method, path, body) => {
    expect((await send(viewerKey, method, path, body)).status).toBe(403);
    expect((await send(undefined, method, path, body)).status).toBe(401);
  },
);

test.each(changes.slice(2).filter(([, path]) => !path.endsWith('/key')))(
  '%s %s answers 404 for a device that does not exist, 400 for what is no UUID',
  async (method, path, body) => {
    const id = randomUUID();
    const response = await send(adminKey, method, path.replace(unknown, id), body);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ type: '/problems/not-found' });
    expect((await send(adminKey, method, path.replace(unknown, 'x'), body)).status).toBe(400);
  },
);

test('a viewer reads devices and exports them', async () => {
  for (const path of [
    '/devices',
    '/devices/export.csv',
    `/devices/${(await insertDevices(stack, 1, () => ({})))[0]}`,
  ]) {
    expect((await send(viewerKey, 'GET', path, undefined)).status).toBe(200);
    expect((await send(undefined, 'GET', path, undefined)).status).toBe(401);
  }
});
