import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { INGEST_CLIENT_ID } from '../src/telemetry/ingest/ingest.ts';
import { type ApiClient, apiClient } from './devices.ts';
import {
  connectDevice,
  connectMqtt,
  inbox,
  registerDevice,
  type Stack,
  startStack,
  type TestDevice,
  until,
} from './harness.ts';

let stack: Stack;
let api: ApiClient;

beforeAll(async () => {
  stack = await startStack();
  api = await apiClient(stack);
}, 60_000);
afterAll(() => stack.close());

async function rest(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const { EMQX_API_URL, EMQX_API_KEY, MQTT_SECRET_KEY } = stack.env;
  const answer = await fetch(`${EMQX_API_URL}${path}`, {
    method,
    headers: {
      authorization: `Basic ${btoa(`${EMQX_API_KEY}:${MQTT_SECRET_KEY}`)}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

const reconciled = async () => {
  expect((await api.broker.reconcile.$post()).status).toBe(200);
};

async function mergeConfiguration(hocon: string): Promise<void> {
  const { EMQX_API_URL, EMQX_API_KEY, MQTT_SECRET_KEY } = stack.env;
  const answer = await fetch(`${EMQX_API_URL}/configs?mode=merge`, {
    method: 'PUT',
    headers: {
      authorization: `Basic ${btoa(`${EMQX_API_KEY}:${MQTT_SECRET_KEY}`)}`,
      'content-type': 'text/plain',
    },
    body: hocon,
  });
  expect(answer.status).toBe(200);
}

const allowTooMuch = () =>
  rest('PUT', '/authorization/settings', {
    no_match: 'allow',
    deny_action: 'ignore',
    cache: { enable: true },
  });

async function isConnected(clientId: string): Promise<boolean> {
  return (await rest('GET', `/clients/${clientId}`)).status === 200;
}

const refused = (attempt: Promise<unknown>) =>
  attempt.then(
    () => false,
    () => true,
  );

describe('a broker that boots open', () => {
  test('loses every session that never showed a token, and keeps those that did', async () => {
    const victim = await registerDevice(stack.url);
    const good = await registerDevice(stack.url);
    await stack.broker.restart({ deviceListener: 'open', openAtBootMs: 'held' });
    const impostors = [
      { clientId: victim.uuid, username: victim.username, password: 'made up' },
      { clientId: randomUUID(), username: 'x', password: 'made up' },
      { clientId: 'not-even-a-uuid' },
    ];
    for (const options of impostors) await connectMqtt(stack.broker.mqttUrl, options);
    stack.broker.hookAuthentication();
    const device = await connectDevice(stack.broker.mqttUrl, good);
    await stack.ready();
    await reconciled();
    for (const { clientId } of impostors) expect(await isConnected(clientId)).toBe(false);
    expect(device.connected).toBe(true);
    device.end(true);
  }, 30_000);

  test('has its device listener opened once the broker is reconciled', async () => {
    await stack.broker.restart({ deviceListener: 'closed' });
    const device = await registerDevice(stack.url);
    await until('the device is admitted', async () => {
      const client = await connectDevice(stack.broker.mqttUrl, device).catch(() => undefined);
      client?.end(true);
      return client !== undefined;
    });
  }, 30_000);
});

test('a new broker admits nobody while the database is away, and revoked devices never', async () => {
  const good = await registerDevice(stack.url);
  const revoked = await registerDevice(stack.url);
  await api.devices[':id'].revoke.$post({ param: { id: revoked.uuid } });
  await stack.stopServer();
  await stack.startBroker();
  const { DATABASE_URL } = stack.env;
  const away = new URL(DATABASE_URL ?? '');
  away.port = '1';
  const starting = stack.startServer({ DATABASE_URL: away.href }).catch(() => {});
  await until('the server has provisioned what needs no database', async () => {
    const { body } = await rest('GET', '/authorization/sources');
    return JSON.stringify(body).includes('built_in_database');
  });
  expect(await refused(connectDevice(stack.broker.mqttUrl, good))).toBe(true);
  expect(await refused(connectDevice(stack.broker.mqttUrl, revoked))).toBe(true);
  await stack.services.close();
  await starting;
  await stack.startServer({ DATABASE_URL: DATABASE_URL ?? '' });
  await stack.ready();
  expect(await refused(connectDevice(stack.broker.mqttUrl, revoked))).toBe(true);
  const client = await connectDevice(stack.broker.mqttUrl, good);
  client.end(true);
}, 60_000);

test('after what allowed too much was repaired, subscriptions that are not allowed end', async () => {
  const spy = await registerDevice(stack.url);
  const other = await registerDevice(stack.url);
  const client = await connectDevice(stack.broker.mqttUrl, spy);
  // A repair that nobody asked for may come between the two.
  await until('the broker allows too much', async () => {
    await allowTooMuch();
    return !(await refused(client.subscribeAsync(`device/${other.uuid}/data`, { qos: 1 })));
  });
  await client.subscribeAsync(`device/${spy.uuid}/data`, { qos: 1 });
  await reconciled();
  const { body } = await rest('GET', `/clients/${spy.uuid}/subscriptions`);
  expect(body).toMatchObject([{ topic: `device/${spy.uuid}/data` }]);
  client.end(true);
});

test('drift is found without anybody asking', async () => {
  await allowTooMuch();
  await until(
    'no_match is deny again',
    async () => JSON.stringify((await rest('GET', '/authorization/settings')).body).includes('"deny"'),
    20_000,
  );
}, 30_000);

describe('retained messages', () => {
  const retained = async (topic: string) =>
    (await rest('GET', `/mqtt/retainer/message/${encodeURIComponent(topic)}`)).status === 200;

  async function leaveRetained(device: TestDevice): Promise<string> {
    const topic = `device/${device.uuid}/master`;
    await rest('POST', '/publish', { topic, payload: '{"from":"long ago"}', qos: 1, retain: true });
    expect(await retained(topic)).toBe(true);
    return topic;
  }

  test('a device cannot leave one, and what it publishes otherwise arrives', async () => {
    const device = await registerDevice(stack.url);
    const client = await connectDevice(stack.broker.mqttUrl, device);
    const topic = `device/${device.uuid}/master`;
    await client.publishAsync(topic, '{"n":1}', { qos: 1, retain: true });
    expect(await retained(topic)).toBe(false);
    client.end(true);
  });

  test.each(['revoke', 'rotate'] as const)('what an older server left is cleared by %s', async (verb) => {
    const device = await registerDevice(stack.url);
    const topic = await leaveRetained(device);
    const answer = await api.devices[':id'][verb].$post({ param: { id: device.uuid }, query: {} });
    expect(answer.status).toBe(200);
    expect(await retained(topic)).toBe(false);
  });

  test('what a former master left reaches neither the agent nor its next master', async () => {
    const agent = await registerDevice(stack.url);
    const [first, second] = [
      await registerDevice(stack.url, 'master'),
      await registerDevice(stack.url, 'master'),
    ];
    await api.devices[':id'].master.$put({ param: { id: agent.uuid }, json: { master: first.uuid } });
    const topic = await leaveRetained(agent);
    await api.devices[':id'].master.$delete({ param: { id: agent.uuid } });
    await api.devices[':id'].master.$put({ param: { id: agent.uuid }, json: { master: second.uuid } });
    const client = await connectDevice(stack.broker.mqttUrl, second);
    const box = inbox(client);
    await client.subscribeAsync(topic, { qos: 1 });
    const onAgent = await connectDevice(stack.broker.mqttUrl, agent);
    await onAgent.publishAsync(topic, '{"marker":true}', { qos: 1 });
    expect((await box.next()).payload).toBe('{"marker":true}');
    client.end(true);
    onAgent.end(true);
  });

  test('what is retained on a deleted device is cleared', async () => {
    const device = await registerDevice(stack.url);
    const topic = await leaveRetained(device);
    await api.devices[':id'].$delete({ param: { id: device.uuid } });
    expect(await retained(topic)).toBe(false);
  });
});

test('what the server rests on is set on a broker that has other settings', async () => {
  await rest('PUT', '/configs/sys_topics', {
    sys_event_messages: { client_connected: true, client_disconnected: true, client_subscribed: false },
  });
  const { body: before } = await rest('GET', '/mqtt/retainer');
  await rest('PUT', '/mqtt/retainer', { ...(before as object), max_publish_rate: '1000/s' });
  await rest('PUT', '/mqtt/delayed', { enable: true, max_delayed_messages: 7 });
  await mergeConfiguration('zones.server.mqtt { max_inflight = 5 }');
  await reconciled();
  expect((await rest('GET', '/mqtt/delayed')).body).toEqual({ enable: false, max_delayed_messages: 7 });
  expect((await rest('GET', '/configs/sys_topics')).body).toMatchObject({
    sys_event_messages: { client_subscribed: true },
  });
  expect((await rest('GET', '/mqtt/retainer')).body).toMatchObject({
    max_publish_rate: 'infinity',
    backend: { storage_type: 'disc' },
  });
  // A zone is shown by the sessions in it alone: this one connects again by itself.
  await stack.broker.restart({ deviceListener: 'open' });
  await stack.ready();
  await until('the session of the server has its settings', async () => {
    const { body } = await rest('GET', `/clients/${INGEST_CLIENT_ID}`);
    return JSON.stringify(body).includes('"inflight_max":2048');
  });
  await reconciled();
  const status = await (await api.broker.$get()).json();
  expect(status.lastRun.report?.differences).toEqual([]);
}, 30_000);
