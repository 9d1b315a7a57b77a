import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { bulkReport } from '../contract/api/bulk.ts';
import { runAction } from '../src/bulk/run-action.ts';
import { systemClock } from '../src/platform/clock.ts';
import { readCsv } from '../src/platform/csv.ts';
import { openDatabase } from '../src/platform/db/client.ts';
import { deviceKey } from '../src/platform/secrets.ts';
import { auditOf, callApi, createApiKey, insertDevices } from './devices.ts';
import {
  AGENT_SECRET,
  callDevice,
  connectDevice,
  registerDevice,
  type Stack,
  startStack,
  tokenPath,
  until,
} from './harness.ts';

let stack: Stack;
let admin: string;

beforeAll(async () => {
  stack = await startStack();
  admin = await createApiKey(stack, 'admin');
}, 60_000);
afterAll(() => stack.close());

function send(path: string, body: unknown, key = admin): Promise<Response> {
  return callApi(stack, key, 'POST', path, {
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
}

async function act(body: unknown) {
  const response = await send('/devices/actions', body);
  expect(response.status).toBe(200);
  return bulkReport.parse(await response.json());
}

function uuidWhere(matches: (uuid: string) => boolean): string {
  let uuid = randomUUID();
  while (!matches(uuid)) uuid = randomUUID();
  return uuid;
}

const stateOf = async (id: string) =>
  (await stack.sql`select state, generation, tags, master_id from devices where id = ${id}`)[0];

describe('one action for many devices', () => {
  test('revokes all, with a reason in the audit log, and ends their sessions', async () => {
    const devices = [await registerDevice(stack.url), await registerDevice(stack.url)];
    const clients = await Promise.all(devices.map((device) => connectDevice(stack.broker.mqttUrl, device)));
    const ids = devices.map(({ uuid }) => uuid);
    const report = await act({ action: 'revoke', ids, reason: 'stolen from the van' });
    expect(report).toMatchObject({ changed: 2, failed: 0, receipt: { status: 'applied' } });
    await until('both are disconnected', () => clients.every(({ connected }) => !connected));
    for (const client of clients) client.end(true);
    for (const id of ids) {
      expect((await auditOf(stack, id)).at(-1)).toMatchObject({
        action: 'device.revoked',
        after: { state: 'revoked', reason: 'stolen from the van' },
      });
    }
    const again = await act({ action: 'revoke', ids });
    expect(again).toMatchObject({ changed: 0, unchanged: 2 });
    expect(await act({ action: 'restore', ids })).toMatchObject({ changed: 2 });
  });

  test('one that fails does not keep the others back, and its problem is that of its own route', async () => {
    const [pending = '', active = ''] = await insertDevices(stack, 2, () => ({}));
    await stack.sql`update devices set state = 'pending' where id = ${pending}`;
    const unknown = randomUUID();
    const report = await act({ action: 'approve', ids: [unknown, pending, active, pending] });
    expect(report).toMatchObject({ changed: 1, unchanged: 1, failed: 1, skipped: 0 });
    expect(report.results.map(({ id, status }) => [id, status])).toEqual([
      [unknown, 'failed'],
      [pending, 'changed'],
      [active, 'unchanged'],
    ]);
    expect(report.results[0]?.problem).toEqual({
      type: '/problems/not-found',
      title: 'Not found',
      detail: `Device ${unknown} not found.`,
    });
    expect(report.results[1]?.device?.state).toBe('active');
  });

  test('rotates all: each starts a new generation', async () => {
    const ids = await insertDevices(stack, 3, () => ({}));
    expect(await act({ action: 'rotate', ids })).toMatchObject({ changed: 3 });
    for (const id of ids) expect(await stateOf(id)).toMatchObject({ generation: 2 });
  });

  test('rotates all with their keys: only the new keys are good', async () => {
    const ids = await insertDevices(stack, 2, () => ({}));
    expect(await act({ action: 'rotate', ids, key: true })).toMatchObject({ changed: 2 });
    for (const id of ids) {
      expect(await stateOf(id)).toMatchObject({ generation: 2 });
      const ask = (number: number) =>
        callDevice(stack.url, tokenPath(id), deviceKey(AGENT_SECRET, id, number));
      expect(await ask(0)).toMatchObject({ status: 401, r: 'superseded' });
      expect(await ask(1)).toHaveProperty('t');
    }
    expect((await send('/devices/actions', { action: 'revoke', ids, key: true })).status).toBe(422);
  });

  test('adds and removes tags, and leaves the others', async () => {
    const [id = '', full = ''] = await insertDevices(stack, 2, () => ({}));
    await stack.sql`update devices set tags = '{north,old}' where id = ${id}`;
    const many = Array.from({ length: 20 }, (_, at) => `tag ${at}`);
    await stack.sql`update devices set tags = ${many} where id = ${full}`;
    const report = await act({ action: 'tag', ids: [id, full], add: ['cold'], remove: ['old'] });
    expect((await stateOf(id))?.tags).toEqual(['north', 'cold']);
    expect(report.results[1]).toMatchObject({ status: 'failed', problem: { type: '/problems/conflict' } });
  });

  test('pairs agents with a master, and unpairs them', async () => {
    const [master = ''] = await insertDevices(stack, 1, () => ({ role: 'master' }));
    const agents = await insertDevices(stack, 3, () => ({}));
    expect(await act({ action: 'pair', ids: agents, master })).toMatchObject({
      changed: 3,
      receipt: { status: 'applied' },
    });
    for (const id of agents) expect((await stateOf(id))?.master_id).toBe(master);
    expect(await act({ action: 'unpair', ids: agents })).toMatchObject({ changed: 3 });
    expect((await stateOf(agents[0] ?? ''))?.master_id).toBeNull();
  }, 30_000);

  test('while the broker is away, all is stored and the receipt says queued', async () => {
    const ids = await insertDevices(stack, 30, () => ({}));
    await stack.stopBroker();
    const report = await act({ action: 'revoke', ids });
    expect(report).toMatchObject({ changed: 30, receipt: { status: 'queued' } });
    await stack.startBroker();
    await until('the queue is empty', async () => {
      const [row] = await stack.sql`select count(*)::int as waiting from broker_changes`;
      return row?.waiting === 0;
    });
  }, 30_000);

  test('takes up to 500 devices, and what it does not know is refused', async () => {
    const ids = Array.from({ length: 501 }, () => randomUUID());
    const { failed, skipped } = await act({ action: 'revoke', ids: ids.slice(1) });
    expect(failed + skipped).toBe(500);
    for (const body of [
      { action: 'revoke', ids },
      { action: 'revoke', ids: [] },
      { action: 'delete', ids: [randomUUID()] },
      { action: 'approve', ids: [randomUUID()], reason: 'not taken here' },
      { action: 'pair', ids: [randomUUID()] },
    ]) {
      expect((await send('/devices/actions', body)).status).toBe(422);
    }
  }, 30_000);

  test('requires the admin role', async () => {
    const viewer = await createApiKey(stack, 'viewer');
    const [id = ''] = await insertDevices(stack, 1, () => ({}));
    for (const [path, body] of [
      ['/devices/actions', { action: 'revoke', ids: [id] }],
      ['/devices/keys', { ids: [id] }],
    ] as const) {
      expect((await send(path, body, viewer)).status).toBe(403);
    }
    expect(await stateOf(id)).toMatchObject({ state: 'active' });
  });
});

describe('the time that one request takes', () => {
  test.each([
    ['is not over because the clock is set', 'now', 'changed'],
    ['is over after 15 seconds, and what is left is skipped', 'monotonic', 'skipped'],
  ] as const)('%s', async (_, hand, last) => {
    const ids = await insertDevices(stack, 3, () => ({}));
    const database = openDatabase(stack.env.DATABASE_URL ?? '');
    let readings = 0;
    const deps = {
      db: database.db,
      clock: { ...systemClock, [hand]: () => systemClock[hand]() + readings++ * 10_000 },
      changes: {
        enqueue: async () => ({ devices: [], enqueuedAt: 0 }),
        flush: async () => ({ status: 'applied' as const, steps: [], effectiveAfterMs: 0 }),
      },
      tokenTtlSeconds: 60,
    };
    const origin = { at: new Date(), actorKind: 'api_key' as const, actor: 'test' };
    const report = await runAction(deps, { action: 'revoke', ids }, origin);
    expect(report.results.map(({ status }) => status)).toEqual(['changed', last, last]);
    await database.close(1_000);
  });
});

describe('keys of many devices', () => {
  test('come as CSV, and that each was shown is audited', async () => {
    const ids = await insertDevices(stack, 3, () => ({}));
    const response = await send('/devices/keys', { ids });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const records = await Array.fromAsync(readCsv(await response.text()));
    expect(records.map((record) => ('fields' in record ? [...record.fields] : []))).toEqual([
      ['id', 'role', 'key'],
      ...ids.map((id) => [id, 'agent', deviceKey(AGENT_SECRET, id)]),
    ]);
    for (const id of ids) {
      expect(await auditOf(stack, id)).toMatchObject([{ action: 'device.key_shown' }]);
    }
  });

  test('are written as they are, also those that begin with a hyphen', async () => {
    const id = uuidWhere((uuid) => deviceKey(AGENT_SECRET, uuid).startsWith('-'));
    await insertDevices(stack, 1, () => ({ id }));
    const [, line = ''] = (await (await send('/devices/keys', { ids: [id] })).text()).split('\r\n');
    const [, , key = ''] = line.split(',');
    expect(key).toBe(deviceKey(AGENT_SECRET, id));
    expect(await callDevice(stack.url, tokenPath(id), key)).toMatchObject({ c: 'OK' });
  });

  test('of devices that do not exist need a role', async () => {
    const id = randomUUID();
    expect((await send('/devices/keys', { ids: [id] })).status).toBe(422);
    const text = await (await send('/devices/keys', { ids: [id], role: 'agent' })).text();
    expect(text).toContain(`${id},agent,`);
  });
});

describe('the reason of a revocation', () => {
  test.each([
    ['no body at all', {}],
    ['a type and no body', { headers: { 'content-type': 'application/json' } }],
    ['an empty object', { headers: { 'content-type': 'application/json' }, body: '{}' }],
  ])('may be left out: %s', async (_, init) => {
    const [id = ''] = await insertDevices(stack, 1, () => ({}));
    expect((await callApi(stack, admin, 'POST', `/devices/${id}/revoke`, init)).status).toBe(200);
    expect((await auditOf(stack, id))[0]?.after).not.toHaveProperty('reason');
  });

  test('is kept in the audit log', async () => {
    const [id = ''] = await insertDevices(stack, 1, () => ({}));
    expect((await send(`/devices/${id}/revoke`, { reason: 'lost' })).status).toBe(200);
    expect((await auditOf(stack, id))[0]).toMatchObject({ after: { reason: 'lost' } });
    expect((await send(`/devices/${id}/revoke`, { why: 'lost' })).status).toBe(422);
  });
});

describe('lists', () => {
  test('say how many items there are on all pages', async () => {
    await insertDevices(stack, 5, (at) => ({ name: `counted ${at}` }));
    const totalOf = async (path: string) => {
      const response = await callApi(stack, admin, 'GET', path);
      return ((await response.json()) as { total: number; items: unknown[] }).total;
    };
    expect(await totalOf('/devices?q=counted&limit=2')).toBe(5);
    expect(await totalOf('/api-keys?limit=1')).toBeGreaterThan(1);
    expect(await totalOf('/operators')).toBe(0);
    expect(await totalOf('/audit?limit=1')).toBeGreaterThan(1);
    expect(await totalOf('/audit?limit=1&action=nothing.done')).toBe(0);
  });

  test.each([
    '/devices?sate=revoked',
    '/devices/export.csv?sate=revoked',
    '/audit?acter=x',
    '/operators?page=2',
    '/api-keys?q=x',
  ])('refuse a parameter they do not know: %s', async (path) => {
    const response = await callApi(stack, admin, 'GET', path);
    expect(response.status).toBe(400);
    const name = /\?(\w+)=/.exec(path)?.[1];
    expect(await response.json()).toMatchObject({ errors: [{ field: name, message: 'unknown parameter' }] });
  });
});
