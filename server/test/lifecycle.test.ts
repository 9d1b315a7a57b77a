import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { deviceKey } from '../src/platform/secrets.ts';
import { type ApiClient, apiClient, auditOf, statusOf } from './devices.ts';
import {
  AGENT_SECRET,
  callDevice,
  connectDevice,
  inbox,
  registerDevice,
  type Stack,
  startStack,
  type TestDevice,
  tokenPath,
  until,
} from './harness.ts';

let stack: Stack;
let api: ApiClient;
const clients: MqttClient[] = [];

beforeAll(async () => {
  stack = await startStack();
  api = await apiClient(stack);
}, 60_000);
afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
});
afterAll(() => stack.close());

const one = (id: string) => ({ param: { id } });

async function connect(known: TestDevice): Promise<MqttClient> {
  const client = await connectDevice(stack.broker.mqttUrl, known);
  clients.push(client);
  return client;
}

function refusal(known: TestDevice): Promise<unknown> {
  return connect(known).then(
    () => 'connected',
    (error: { code?: unknown }) => error.code,
  );
}

function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()));
}

function requestToken(uuid: string, credential = deviceKey(AGENT_SECRET, uuid)) {
  return callDevice(stack.url, tokenPath(uuid), credential);
}

describe('revoking', () => {
  test('ends the session, bans the client id, and answers token requests with 403 revoked', async () => {
    const known = await registerDevice(stack.url);
    const client = await connect(known);
    const gone = closed(client);
    // A run under way may ban the device before the receipt does.
    await api.broker.reconcile.$post();
    const response = await api.devices[':id'].revoke.$post(one(known.uuid));
    const answer = await response.json();
    expect(answer).toMatchObject({
      device: { state: 'revoked', version: 2 },
      receipt: { status: 'applied' },
    });
    expect(answer.receipt.effectiveAfterMs).toBeNumber();
    expect(answer.receipt.steps).toContain(`client id ${known.uuid} banned`);
    expect(response.headers.get('etag')).toBe('"2"');
    await gone;
    expect(await refusal(known)).toBe(5);
    for (const credential of [deviceKey(AGENT_SECRET, known.uuid), AGENT_SECRET, known.token]) {
      expect(await requestToken(known.uuid, credential)).toMatchObject({ status: 403, r: 'revoked' });
    }
    expect(await callDevice(stack.url, '/mqtt', known.token)).toMatchObject({ status: 403, r: 'revoked' });
  });

  test('is idempotent and audited once', async () => {
    const { uuid } = await registerDevice(stack.url);
    await api.devices[':id'].revoke.$post(one(uuid));
    const again = await api.devices[':id'].revoke.$post(one(uuid));
    expect(await again.json()).toMatchObject({
      device: { state: 'revoked', version: 2 },
      receipt: { status: 'applied', steps: [] },
    });
    const audited = (await auditOf(stack, uuid)).filter(({ action }) => action === 'device.revoked');
    expect(audited).toMatchObject([
      { actor_kind: 'api_key', before: { state: 'active' }, after: { state: 'revoked', generation: 1 } },
    ]);
  });

  test('is refused based on an older version, and changes nothing', async () => {
    const known = await registerDevice(stack.url);
    await api.devices[':id'].$patch({ ...one(known.uuid), json: { name: 'renamed' } });
    const headers = { headers: { 'if-match': '"1"' } };
    expect(await statusOf(api.devices[':id'].revoke.$post(one(known.uuid), headers))).toBe(412);
    expect(await requestToken(known.uuid)).toMatchObject({ c: 'OK' });
    expect(await refusal(known)).toBe('connected');
  });
});

describe('restoring', () => {
  test('readmits a device, and the tokens from before the revocation stay invalid', async () => {
    const old = await registerDevice(stack.url);
    await api.devices[':id'].revoke.$post(one(old.uuid));
    const answer = await (await api.devices[':id'].restore.$post(one(old.uuid))).json();
    expect(answer).toMatchObject({
      device: { state: 'active', generation: 2, version: 3 },
      receipt: { status: 'applied' },
    });
    expect(await refusal(old)).toBe(5);
    expect(await callDevice(stack.url, '/mqtt', old.token)).toMatchObject({ status: 401, r: 'superseded' });
    expect(await requestToken(old.uuid, old.token)).toMatchObject({ status: 401, r: 'superseded' });
    const fresh = await registerDevice(stack.url, 'agent', old.uuid);
    expect(fresh.username).toBe(`${old.uuid}.2`);
    expect(await refusal(fresh)).toBe('connected');
    const again = await (await api.devices[':id'].restore.$post(one(old.uuid))).json();
    expect(again).toMatchObject({ device: { generation: 2, version: 3 } });
    expect((await auditOf(stack, old.uuid)).at(-1)).toMatchObject({
      action: 'device.restored',
      before: { state: 'revoked', generation: 1 },
      after: { state: 'active', generation: 2 },
    });
  });
});

describe('rotating', () => {
  test('invalidates the old token at server and broker, ends the session, and the new token works', async () => {
    const old = await registerDevice(stack.url);
    const client = await connect(old);
    const gone = closed(client);
    const answer = await (await api.devices[':id'].rotate.$post({ ...one(old.uuid), query: {} })).json();
    expect(answer).toMatchObject({
      device: { state: 'active', generation: 2 },
      receipt: { status: 'applied' },
    });
    expect(answer.receipt.effectiveAfterMs).toBeNumber();
    await gone;
    expect(await refusal(old)).toBe(5);
    expect(await requestToken(old.uuid, old.token)).toMatchObject({ status: 401, r: 'superseded' });

    const fresh = await registerDevice(stack.url, 'agent', old.uuid);
    const renewed = await connect(fresh);
    const messages = inbox(renewed);
    const topic = `device/${old.uuid}/ping`;
    await renewed.subscribeAsync(topic, { qos: 1 });
    renewed.publish(topic, '{"c":"PING"}', { qos: 1 });
    await until('the PONG is there', () => messages.all.some(({ payload }) => payload === '{"c":"PONG"}'));
    expect((await auditOf(stack, old.uuid)).at(-1)).toMatchObject({
      action: 'device.rotated',
      before: { generation: 1 },
      after: { generation: 2 },
    });
  });

  test('bans the old user name until its last token has expired', async () => {
    const { uuid } = await registerDevice(stack.url);
    await api.devices[':id'].rotate.$post({ ...one(uuid), query: {} });
    await api.devices[':id'].rotate.$post({ ...one(uuid), query: {} });
    const bans = await stack.sql<{ username: string; seconds: number }[]>`
      select username, extract(epoch from until - now())::int as seconds from username_bans
      where device_id = ${uuid} order by username`;
    expect(bans.map(({ username }) => username)).toEqual([`${uuid}.1`, `${uuid}.2`]);
    for (const { seconds } of bans) expect(seconds).toBeWithin(1_209_600, 1_209_600 + 120);
  });

  test('with If-Match happens once, however often it is sent', async () => {
    const { uuid } = await registerDevice(stack.url);
    const headers = { headers: { 'if-match': '"1"' } };
    const statuses = await Promise.all(
      [1, 2, 3, 4].map(() => statusOf(api.devices[':id'].rotate.$post({ ...one(uuid), query: {} }, headers))),
    );
    expect(statuses.toSorted()).toEqual([200, 412, 412, 412]);
  });
});

describe('a device that waits for approval', () => {
  const pending = async () => {
    const id = randomUUID();
    await stack.sql`insert into devices (id, role, state, created_at) values (${id}, 'agent', 'pending', now())`;
    return id;
  };

  test('gets its token once approved', async () => {
    const id = await pending();
    expect(await requestToken(id)).toMatchObject({ status: 403, r: 'pending' });
    const answer = await (await api.devices[':id'].approve.$post(one(id))).json();
    expect(answer).toMatchObject({ device: { state: 'active' }, receipt: { status: 'applied' } });
    expect(await requestToken(id)).toMatchObject({ c: 'OK', u: `${id}.1` });
    expect(await statusOf(api.devices[':id'].approve.$post(one(id)))).toBe(200);
    expect(await auditOf(stack, id)).toMatchObject([
      { action: 'device.approved', before: { state: 'pending' }, after: { state: 'active' } },
    ]);
  });

  test('is removed when it is rejected, and can register again', async () => {
    const id = await pending();
    const answer = await (await api.devices[':id'].reject.$post(one(id))).json();
    expect(answer).toMatchObject({ removed: id, receipt: { status: 'applied' } });
    expect(await statusOf(api.devices[':id'].$get(one(id)))).toBe(404);
    expect(await requestToken(id)).toMatchObject({ c: 'OK', u: `${id}.1` });
    expect((await auditOf(stack, id))[0]).toMatchObject({
      action: 'device.rejected',
      before: { state: 'pending' },
      after: null,
    });
  });

  test('can be revoked instead', async () => {
    const id = await pending();
    expect(await statusOf(api.devices[':id'].revoke.$post(one(id)))).toBe(200);
    expect(await requestToken(id)).toMatchObject({ status: 403, r: 'revoked' });
  });

  test.each(['restore', 'rotate'] as const)('cannot be changed by %s', async (verb) => {
    const id = await pending();
    expect(await statusOf(api.devices[':id'][verb].$post({ ...one(id), query: {} }))).toBe(409);
  });
});

test.each([
  ['approve', 'revoked'],
  ['reject', 'revoked'],
  ['reject', 'active'],
  ['rotate', 'revoked'],
] as const)('%s is refused for a device that is %s', async (verb, state) => {
  const { uuid } = await registerDevice(stack.url);
  await stack.sql`update devices set state = ${state} where id = ${uuid}`;
  const response: { status: number } = await api.devices[':id'][verb].$post({ ...one(uuid), query: {} });
  expect(response.status).toBe(409);
  const [row] = await stack.sql`select state, generation from devices where id = ${uuid}`;
  expect(row).toEqual({ state, generation: 1 });
});

describe('deleting', () => {
  test('ends the session; the device starts above its old generation when it registers again', async () => {
    const old = await registerDevice(stack.url);
    const client = await connect(old);
    const gone = closed(client);
    const answer = await (await api.devices[':id'].$delete(one(old.uuid))).json();
    expect(answer).toMatchObject({ removed: old.uuid, receipt: { status: 'applied' } });
    await gone;
    expect(await refusal(old)).toBe(5);
    expect(await callDevice(stack.url, '/mqtt', old.token)).toMatchObject({ status: 401, r: 'superseded' });
    const fresh = await registerDevice(stack.url, 'agent', old.uuid);
    expect(fresh.username).toBe(`${old.uuid}.2`);
    expect(await refusal(old)).toBe(5);
    expect(await refusal(fresh)).toBe('connected');
    expect((await auditOf(stack, old.uuid)).map(({ action }) => action)).toEqual([
      'device.registered',
      'device.deleted',
      'device.registered',
    ]);
  });

  test('keeps old tokens invalid even if an operator registers the device again', async () => {
    const old = await registerDevice(stack.url);
    await api.devices[':id'].revoke.$post(one(old.uuid));
    await api.devices[':id'].$delete(one(old.uuid));
    const again = await api.devices.$post({ json: { id: old.uuid, role: 'agent' } });
    expect(await again.json()).toMatchObject({ generation: 2, state: 'active' });
    expect(await refusal(old)).toBe(5);
    expect(await refusal(await registerDevice(stack.url, 'agent', old.uuid))).toBe('connected');
  });

  test('is idempotent and audited once', async () => {
    const { uuid } = await registerDevice(stack.url);
    for (const _ of [1, 2]) expect(await statusOf(api.devices[':id'].$delete(one(uuid)))).toBe(200);
    const deleted = (await auditOf(stack, uuid)).filter(({ action }) => action === 'device.deleted');
    expect(deleted).toMatchObject([{ before: { role: 'agent', state: 'active' }, after: null }]);
  });
});
