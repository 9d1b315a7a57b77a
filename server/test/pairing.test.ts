import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { type ApiClient, apiClient, auditOf, insertDevices, statusOf } from './devices.ts';
import {
  connectDevice,
  inbox,
  registerDevice,
  type Stack,
  startStack,
  type TestDevice,
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

const PONG = '{"c":"PONG"}';

/** A device that is connected, and stays so: the test fails when its connection closes. */
async function join(role: 'master' | 'agent') {
  const known: TestDevice = await registerDevice(stack.url, role);
  const client = await connectDevice(stack.broker.mqttUrl, known);
  clients.push(client);
  let closed = false;
  client.on('close', () => {
    closed = true;
  });
  const { uuid } = known;
  return { uuid, client, messages: inbox(client), topic: `device/${uuid}/master`, isClosed: () => closed };
}

type Joined = Awaited<ReturnType<typeof join>>;

/** Publishes on a link topic and waits for the acknowledgement: what is to be delivered then is on its way. */
async function say(from: Joined, topic: string, payload: string): Promise<void> {
  await from.client.publishAsync(topic, payload, { qos: 1 });
}

/** Waits for a PONG, which comes behind everything that was acknowledged to others before. */
async function settle(to: Joined): Promise<void> {
  const topic = `device/${to.uuid}/ping`;
  await to.client.subscribeAsync(topic, { qos: 1 });
  await to.client.publishAsync(topic, '{"c":"PING"}', { qos: 1 });
  while ((await to.messages.next()).payload !== PONG);
}

function payloads(of: Joined): string[] {
  return of.messages.all.map(({ payload }) => payload).filter((payload) => payload !== PONG);
}

const pair = (agent: string, master: string) =>
  api.devices[':id'].master.$put({ param: { id: agent }, json: { master } });
const unpair = (agent: string) => api.devices[':id'].master.$delete({ param: { id: agent } });

async function granted(of: Joined, topic: string): Promise<boolean> {
  const [grant] = await of.client.subscribeAsync(topic, { qos: 1 }).catch(() => []);
  return grant !== undefined && grant.qos <= 2;
}

describe('pairing', () => {
  test('opens the link in both directions on devices that stay connected', async () => {
    const [agent, master] = [await join('agent'), await join('master')];
    expect(await granted(agent, master.topic)).toBe(false);
    const answer = await (await pair(agent.uuid, master.uuid)).json();
    expect(answer).toMatchObject({
      device: { master: master.uuid, version: 2 },
      receipt: { status: 'applied' },
    });
    expect(answer.receipt.effectiveAfterMs).toBeNumber();
    expect(await granted(agent, master.topic)).toBe(true);
    expect(await granted(master, agent.topic)).toBe(true);
    await say(agent, agent.topic, 'from agent');
    await say(master, master.topic, 'from master');
    expect((await master.messages.next()).payload).toBe('from agent');
    expect((await agent.messages.next()).payload).toBe('from master');
    expect(agent.isClosed() || master.isClosed()).toBe(false);
    expect((await auditOf(stack, agent.uuid)).at(-1)).toMatchObject({
      action: 'device.paired',
      before: { master: null },
      after: { master: master.uuid },
    });
  });

  test('is idempotent, and audited once', async () => {
    const agent = await registerDevice(stack.url, 'agent');
    const master = await registerDevice(stack.url, 'master');
    await pair(agent.uuid, master.uuid);
    const again = await (await pair(agent.uuid, master.uuid)).json();
    expect(again).toMatchObject({ device: { version: 2 }, receipt: { status: 'applied', steps: [] } });
    const audited = (await auditOf(stack, agent.uuid)).filter(({ action }) => action === 'device.paired');
    expect(audited).toHaveLength(1);
  });

  test('is refused for wrong roles, unknown devices and devices that are not active', async () => {
    const [agent, other, master] = await insertDevices(stack, 3, (at) => ({
      role: at === 2 ? 'master' : 'agent',
    }));
    expect(await statusOf(pair(master ?? '', master ?? ''))).toBe(409);
    expect(await statusOf(pair(agent ?? '', other ?? ''))).toBe(409);
    expect(await statusOf(pair(agent ?? '', randomUUID()))).toBe(404);
    expect(await statusOf(pair(randomUUID(), master ?? ''))).toBe(404);
    expect(await statusOf(unpair(master ?? ''))).toBe(409);
    await stack.sql`update devices set state = 'revoked' where id = ${agent ?? ''}`;
    expect(await statusOf(pair(agent ?? '', master ?? ''))).toBe(409);
    const rows =
      await stack.sql`select id from devices where id in ${stack.sql([agent ?? '', other ?? ''])} and master_id is not null`;
    expect(rows).toHaveLength(0);
  });

  test('moves an agent from one master to another in one call', async () => {
    const [agent, first, second] = [await join('agent'), await join('master'), await join('master')];
    await pair(agent.uuid, first.uuid);
    await granted(agent, first.topic);
    await granted(first, agent.topic);
    const answer = await (await pair(agent.uuid, second.uuid)).json();
    expect(answer).toMatchObject({ device: { master: second.uuid }, receipt: { status: 'applied' } });
    await say(agent, agent.topic, 'for the second');
    await say(first, first.topic, 'of the first');
    await settle(first);
    await settle(agent);
    expect(payloads(first)).toEqual([]);
    expect(payloads(agent)).toEqual([]);
    expect(await granted(second, agent.topic)).toBe(true);
    expect(await granted(first, agent.topic)).toBe(false);
    await say(agent, agent.topic, 'again');
    expect((await second.messages.next()).payload).toBe('again');
    expect([agent, first, second].some((one) => one.isClosed())).toBe(false);
    expect((await auditOf(stack, agent.uuid)).at(-1)).toMatchObject({
      before: { master: first.uuid },
      after: { master: second.uuid },
    });
  });
});

describe('unpairing', () => {
  test('after the receipt, a subscribed device receives nothing more, and stays connected', async () => {
    const [agent, master] = [await join('agent'), await join('master')];
    await pair(agent.uuid, master.uuid);
    expect(await granted(agent, master.topic)).toBe(true);
    expect(await granted(master, agent.topic)).toBe(true);
    await say(master, master.topic, 'before');
    expect((await agent.messages.next()).payload).toBe('before');

    const answer = await (await unpair(agent.uuid)).json();
    expect(answer).toMatchObject({ device: { master: null, version: 3 }, receipt: { status: 'applied' } });
    expect(answer.receipt.steps).toContain(`subscription of ${agent.uuid} to ${master.topic} ended`);
    expect(answer.receipt.steps).toContain(`subscription of ${master.uuid} to ${agent.topic} ended`);
    await say(master, master.topic, 'after');
    await say(agent, agent.topic, 'after');
    // Nor may either publish on the other's topic any more.
    await say(master, agent.topic, 'after');
    await say(agent, master.topic, 'after');
    await settle(agent);
    await settle(master);
    expect(payloads(agent)).toEqual(['before']);
    expect(payloads(master)).toEqual([]);
    expect(await granted(agent, master.topic)).toBe(false);
    expect(agent.isClosed() || master.isClosed()).toBe(false);
    expect(await statusOf(unpair(agent.uuid))).toBe(200);
    const audited = (await auditOf(stack, agent.uuid)).filter(({ action }) => action === 'device.unpaired');
    expect(audited).toMatchObject([{ before: { master: master.uuid }, after: { master: null } }]);
  });

  test('by deleting the master frees its agents', async () => {
    const [agent, master] = [await join('agent'), await join('master')];
    await pair(agent.uuid, master.uuid);
    await granted(agent, master.topic);
    const answer = await (await api.devices[':id'].$delete({ param: { id: master.uuid } })).json();
    expect(answer).toMatchObject({ removed: master.uuid, receipt: { status: 'applied' } });
    expect(await granted(agent, master.topic)).toBe(false);
    expect(agent.isClosed()).toBe(false);
    const read = await (await api.devices[':id'].$get({ param: { id: agent.uuid } })).json();
    expect(read).toMatchObject({ master: null, version: 3 });
    expect((await auditOf(stack, agent.uuid)).at(-1)).toMatchObject({
      action: 'device.unpaired',
      before: { master: master.uuid },
      after: { master: null },
    });
  });

  test('by deleting the agent removes the right of its master', async () => {
    const [agent, master] = [await join('agent'), await join('master')];
    await pair(agent.uuid, master.uuid);
    await granted(master, agent.topic);
    await api.devices[':id'].$delete({ param: { id: agent.uuid } });
    expect(await granted(master, agent.topic)).toBe(false);
    expect(master.isClosed()).toBe(false);
  });
});

test('a master with 500 agents has a right for the topic of each, and loses one at a time', async () => {
  const master = await join('master');
  const agents = await insertDevices(stack, 500, () => ({}));
  await stack.sql`update devices set master_id = ${master.uuid} where id in ${stack.sql(agents.slice(1))}`;
  const answer = await (await pair(agents[0] ?? '', master.uuid)).json();
  expect(answer.receipt).toMatchObject({ status: 'applied' });
  expect(answer.receipt.steps).toContain(`rules of ${master.uuid} set (500)`);
  for (const at of [0, 1, 250, 499]) expect(await granted(master, `device/${agents[at]}/master`)).toBe(true);
  const read = await (await api.devices[':id'].$get({ param: { id: master.uuid } })).json();
  expect(read.agents).toBe(500);
  await unpair(agents[499] ?? '');
  expect(await granted(master, `device/${agents[499]}/master`)).toBe(false);
  expect(await granted(master, `device/${agents[498]}/master`)).toBe(true);
  expect(master.isClosed()).toBe(false);
}, 30_000);

test('a master with 9,000 agents is full', async () => {
  const [master = '', agent = ''] = await insertDevices(stack, 2, (at) => ({
    role: at === 0 ? 'master' : 'agent',
  }));
  await insertDevices(stack, 9_000, () => ({ master }));
  expect(await statusOf(pair(agent, master))).toBe(409);
  await stack.sql`delete from devices where master_id = ${master}`;
}, 30_000);

test('pairing and deleting at once leave no agent with a master that is gone', async () => {
  for (let round = 0; round < 10; round++) {
    const masters = await insertDevices(stack, 2, () => ({ role: 'master' }));
    const agents = await insertDevices(stack, 6, () => ({ master: masters[round % 2] ?? '' }));
    const statuses = await Promise.all([
      ...agents.map((agent, at) => statusOf(pair(agent, masters[at % 2] ?? ''))),
      statusOf(api.devices[':id'].$delete({ param: { id: masters[0] ?? '' } })),
      statusOf(api.devices[':id'].$delete({ param: { id: masters[1] ?? '' } })),
      ...agents.map((agent) => statusOf(unpair(agent))),
    ]);
    for (const status of statuses) expect([200, 404]).toContain(status);
    const rows = await stack.sql`select master_id from devices where id in ${stack.sql(agents)}`;
    for (const row of rows) expect(row.master_id).toBeNull();
  }
}, 60_000);

test('changes made while the broker is down are queued, and take effect in order after its return', async () => {
  const agent = await registerDevice(stack.url, 'agent');
  const [first, second] = await insertDevices(stack, 2, () => ({ role: 'master' }));
  const revoked = await registerDevice(stack.url);
  await stack.stopBroker();
  expect((await (await pair(agent.uuid, first ?? '')).json()).receipt).toMatchObject({
    status: 'queued',
    effectiveAfterMs: null,
    reason: expect.any(String),
  });
  await pair(agent.uuid, second ?? '');
  await api.devices[':id'].revoke.$post({ param: { id: revoked.uuid } });
  await stack.startBroker();
  await until('all changes are applied', async () => {
    const [row] = await stack.sql`select count(*)::int as waiting from broker_changes`;
    return row?.waiting === 0;
  });
  let found: MqttClient | undefined;
  await until('devices are admitted', async () => {
    found = await connectDevice(stack.broker.mqttUrl, agent).catch(() => undefined);
    return found !== undefined;
  });
  const client = found ?? expect.unreachable('no client');
  clients.push(client);
  const subscribed = await Promise.all(
    [first, second].map((master) =>
      client.subscribeAsync(`device/${master}/master`).then(
        () => true,
        () => false,
      ),
    ),
  );
  expect(subscribed).toEqual([false, true]);
  const code = await connectDevice(stack.broker.mqttUrl, revoked).then(
    () => undefined,
    (error: { code?: unknown }) => error.code,
  );
  expect(code).toBe(5);
}, 40_000);
