import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { type DevBroker, startDevBroker } from '@simple-iot/dev-broker';
import {
  brokerPorts,
  connectDevice,
  connectMqtt,
  inbox,
  JWT_SECRET,
  registerDevice,
  type Stack,
  startStack,
  type TestDevice,
  until,
} from './harness.ts';
import { recordingLog, WARN } from './logs.ts';

/** Kept when the broker is replaced. */
const ports = brokerPorts();
const KEY = { apiKey: 'simple-iot-server', apiSecret: 'api-secret-0123456789' };
const BUILT_IN = '/authorization/sources/built_in_database';

let stack: Stack;
let broker: DevBroker;
const record = recordingLog();

async function api(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${broker.apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Basic ${btoa(`${KEY.apiKey}:${KEY.apiSecret}`)}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

const read = async (path: string) => (await api('GET', path)).body;

async function must(method: string, path: string, body?: unknown): Promise<void> {
  const answer = await api(method, path, body);
  expect(answer.status).toBeLessThan(300);
}

/** Starts the server against the broker as the test has left it, and waits until it is provisioned. */
async function provision(): Promise<void> {
  const start = record.lines.length;
  await stack.startServer();
  await until('the broker is provisioned', () =>
    record.lines.slice(start).some(({ msg }) => msg.includes('[Broker] broker reconciled')),
  );
  await stack.ready();
}

function anonymous(): Promise<'admitted' | 'refused'> {
  return connectMqtt(broker.mqttUrl, { clientId: 'anonymous' }).then(
    async (client) => {
      await client.endAsync();
      return 'admitted' as const;
    },
    () => 'refused' as const,
  );
}

async function expectPong(device: TestDevice): Promise<void> {
  const client = await connectDevice(broker.mqttUrl, device);
  const received = inbox(client);
  const topic = `device/${device.uuid}/ping`;
  await client.subscribeAsync(topic, { qos: 1 });
  await client.publishAsync(topic, '{"c":"PING"}', { qos: 1 });
  // A stock broker also gives a client what it has published itself.
  await until('the PONG is there', () => received.all.some(({ payload }) => payload === '{"c":"PONG"}'));
  const foreign = await client.subscribeAsync('device/+/ping').then(
    ([grant]) => grant?.qos,
    () => 128,
  );
  expect(foreign).toBe(128);
  await client.endAsync();
}

async function startBroker(profile: 'image' | 'stock'): Promise<void> {
  await broker.close();
  broker = await startDevBroker({ ...KEY, ...ports, profile });
}

beforeAll(async () => {
  broker = await startDevBroker({ ...KEY, ...ports, profile: 'stock' });
  stack = await startStack({
    broker: false,
    log: record.log,
    env: { MQTT_URL: broker.serverUrl, EMQX_API_URL: broker.apiUrl },
  });
}, 60_000);
afterAll(async () => {
  await stack.close();
  await broker.close();
});

describe('a broker that admits everyone', () => {
  beforeEach(async () => {
    await stack.stopServer();
    await startBroker('stock');
  });

  test('is closed: no anonymous clients, no_match deny, file source disabled', async () => {
    expect(await anonymous()).toBe('admitted');
    await provision();
    expect(await anonymous()).toBe('refused');
    expect(await read('/authorization/settings')).toMatchObject({ no_match: 'deny', deny_action: 'ignore' });
    expect(await read('/authorization/sources')).toMatchObject({
      sources: [
        { type: 'built_in_database', enable: true },
        { type: 'file', enable: false },
      ],
    });
    await expectPong(await registerDevice(stack.url));
  });

  test('loses the sessions from before it was closed, whose subscriptions are not checked again', async () => {
    const eavesdropper = await connectMqtt(broker.mqttUrl, { clientId: 'eavesdropper' });
    await eavesdropper.subscribeAsync('#', { qos: 1 });
    const ended = new Promise<void>((resolve) => eavesdropper.once('close', () => resolve()));
    const heard = inbox(eavesdropper);
    await provision();
    await ended;
    await expectPong(await registerDevice(stack.url));
    expect(heard.all.filter(({ topic }) => topic.startsWith('device/'))).toEqual([]);
  });

  test('keeps its other settings', async () => {
    const before = (await read('/authorization/settings')) as { cache: unknown };
    const { sources } = (await read('/authorization/sources')) as { sources: { rules?: string }[] };
    await provision();
    expect(await read('/authorization/settings')).toMatchObject({ cache: before.cache });
    const after = (await read('/authorization/sources')) as { sources: { type: string; rules?: string }[] };
    expect(after.sources.find(({ type }) => type === 'file')?.rules).toBe(sources[0]?.rules ?? '');
  });

  test('has a file source that only denies left enabled', async () => {
    await must('PUT', '/authorization/sources/file', { type: 'file', enable: true, rules: '{deny, all}.\n' });
    await provision();
    expect(await read('/authorization/sources')).toMatchObject({
      sources: [
        { type: 'built_in_database', enable: true },
        { type: 'file', enable: true },
      ],
    });
    await expectPong(await registerDevice(stack.url));
  });
});

describe('a broker with foreign objects', () => {
  const FOREIGN = {
    mechanism: 'password_based',
    backend: 'built_in_database',
    enable: true,
    user_id_type: 'clientid',
    password_hash_algorithm: { name: 'sha256', salt_position: 'prefix' },
  };

  test('has them reported once, and left alone behind its own', async () => {
    await stack.stopServer();
    await startBroker('stock');
    await must('POST', '/authentication', FOREIGN);
    await must('PUT', '/authorization/sources/file', { type: 'file', enable: true, rules: '{deny, all}.\n' });
    const start = record.lines.length;
    await provision();
    expect(await read('/authentication')).toMatchObject([
      { id: 'jwt', enable: true },
      { id: 'password_based:built_in_database', enable: true },
    ]);
    await until('it is reported', () => reports(start).length > 0);
    expect(JSON.stringify(reports(start)[0])).toContain('"file"');
    broker.dropConnections();
    await until(
      'another run was made',
      () => record.lines.slice(start).filter(({ msg }) => msg.includes('[MQTT] connected')).length === 2,
    );
    await stack.ready();
    expect(reports(start)).toHaveLength(1);
  });

  function reports(start: number) {
    return record.lines
      .slice(start)
      .filter(({ msg, level }) => level === WARN && msg.includes('broker has foreign objects'));
  }
});

describe('a manual change is fixed at the next start', () => {
  beforeAll(async () => {
    await stack.stopServer();
    await startBroker('image');
    await provision();
  });

  test.each<[string, () => Promise<void>]>([
    [
      'a JWT authenticator with another secret',
      async () => {
        const [jwt] = (await read('/authentication')) as Record<string, unknown>[];
        await must('PUT', '/authentication/jwt', { ...jwt, secret: 'another-secret-another-secret-12' });
      },
    ],
    [
      'a JWT authenticator that checks no claims and is disabled',
      async () => {
        const [jwt] = (await read('/authentication')) as Record<string, unknown>[];
        await must('PUT', '/authentication/jwt', {
          ...jwt,
          secret: JWT_SECRET,
          verify_claims: {},
          enable: false,
        });
      },
    ],
    ['no authenticator of its own', () => must('DELETE', '/authentication/jwt')],
    [
      'no match allowed',
      async () => {
        const settings = (await read('/authorization/settings')) as Record<string, unknown>;
        await must('PUT', '/authorization/settings', { ...settings, no_match: 'allow' });
      },
    ],
    [
      'rules that allow everything',
      () =>
        must('POST', `${BUILT_IN}/rules/all`, {
          rules: [{ topic: '#', permission: 'allow', action: 'all' }],
        }),
    ],
    ['no rules', () => must('POST', `${BUILT_IN}/rules/all`, { rules: [] })],
    [
      'its source disabled',
      () => must('PUT', BUILT_IN, { type: 'built_in_database', enable: false, max_rules: 100 }),
    ],
    ['its source removed', () => must('DELETE', BUILT_IN)],
  ])('%s', async (_, change) => {
    await stack.stopServer();
    const before = await Promise.all(
      ['/authentication', '/authorization/settings', `${BUILT_IN}/rules/all`].map(read),
    );
    await change();
    await provision();
    const after = await Promise.all(
      ['/authentication', '/authorization/settings', `${BUILT_IN}/rules/all`].map(read),
    );
    expect(after).toEqual(before);
    expect(await anonymous()).toBe('refused');
    await expectPong(await registerDevice(stack.url));
  });
});
