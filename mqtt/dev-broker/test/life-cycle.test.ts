import { afterEach, describe, expect, test } from 'bun:test';
import { startDevBroker } from '../src/index.ts';
import { type ImageBroker, provisionImage, startImageBroker } from './image-broker.ts';
import { tryConnect } from './mqtt-client.ts';
import { connect, returnCode, token, WATCHER_ACL } from './target.ts';

const KEY = { apiKey: 'dev', apiSecret: 'dev-secret' };

let brokers: ImageBroker[] = [];

afterEach(async () => {
  await Promise.all(brokers.map((broker) => broker.close()));
  brokers = [];
});

async function start(...[options]: Parameters<typeof startImageBroker>): Promise<ImageBroker> {
  const broker = await startImageBroker(options);
  brokers.push(broker);
  return broker;
}

describe('a fresh broker', () => {
  test('refuses everyone and knows no source', async () => {
    const { api, mqttUrl } = await start();
    expect(await returnCode(tryConnect(mqttUrl, { clientId: 'd1' }))).toBe(4);
    const password = await token('d1');
    expect(await returnCode(tryConnect(mqttUrl, { clientId: 'd1', username: 'd1.1', password }))).toBe(5);
    expect((await api('GET', '/authorization/sources')).body).toEqual({ sources: [] });
    expect((await api('GET', '/authorization/settings')).body).toMatchObject({
      no_match: 'deny',
      cache: { max_size: 1024 },
    });
  });

  test('gives the listener of the server a zone of its own', async () => {
    const broker = await start();
    await provisionImage(broker);
    await connect(broker.serverUrl, 's1', { clean: false });
    await connect(broker.mqttUrl, 'd1');
    const limits = async (clientId: string) => (await broker.api('GET', `/clients/${clientId}`)).body;
    expect(await limits('s1')).toMatchObject({
      listener: 'tcp:server',
      inflight_max: 2048,
      mqueue_max: 100_000,
      expiry_interval: 86_400,
      is_persistent: true,
    });
    expect(await limits('d1')).toMatchObject({ listener: 'tcp:default', inflight_max: 32, mqueue_max: 1000 });
  });

  test('holds back what a client publishes to itself', async () => {
    const broker = await start();
    await provisionImage(broker);
    const device = await connect(broker.mqttUrl, 'd1');
    await device.subscribe('device/d1/ping');
    const server = await connect(broker.serverUrl, 's1', { claims: { acl: WATCHER_ACL } });
    await device.publish('device/d1/ping', 'own');
    await server.publish('device/d1/ping', 'from the server');
    expect((await device.next()).text).toBe('from the server');
  });
});

describe('the old holder of a session of MQTT 5', () => {
  test.each([true, false])('is told that it was taken over, with clean start %p', async (clean) => {
    const broker = await start();
    await provisionImage(broker);
    const options = { protocolVersion: 5, clean, properties: { sessionExpiryInterval: 60 } } as const;
    const first = await connect(broker.mqttUrl, 'd1', options);
    await connect(broker.mqttUrl, 'd1', options);
    expect(await first.disconnectReason()).toBe(142);
  });
});

describe('ports', () => {
  test('are free again after close, and a broker started on them is empty', async () => {
    const first = await start();
    await provisionImage(first);
    const client = await connect(first.mqttUrl, 'd1');
    await first.close();
    await client.untilClosed();
    const { mqttPort, serverPort, apiPort } = first;
    const second = await start({ mqttPort, serverPort, apiPort });
    expect([second.mqttPort, second.serverPort, second.apiPort]).toEqual([mqttPort, serverPort, apiPort]);
    expect((await second.api('GET', '/authentication/jwt')).status).toBe(404);
    expect((await second.api('GET', '/clients')).body).toMatchObject({ data: [] });
  });

  test.each(['mqttPort', 'serverPort', 'apiPort'] as const)('a taken %s is named', async (option) => {
    const first = await start();
    const port = first[option];
    const attempt = startDevBroker({ ...KEY, [option]: port });
    const error = await attempt.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'EADDRINUSE', port, message: `port ${port} is in use` });
    expect((await first.api('GET', '/status')).status).toBe(200);
  });
});

describe('faults', () => {
  test('REST can be made to fail and put right again', async () => {
    const broker = await start();
    broker.failApi(503);
    expect((await broker.api('GET', '/nodes')).status).toBe(503);
    broker.failApi(null);
    expect((await broker.api('GET', '/nodes')).status).toBe(200);
  });

  test('REST can be made to hang', async () => {
    const broker = await start();
    broker.failApi('hang');
    const signal = AbortSignal.timeout(50);
    const error = await fetch(`${broker.apiUrl}/status`, { signal }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'TimeoutError' });
  });

  test('connections can be dropped; a persistent session survives that', async () => {
    const broker = await start();
    await provisionImage(broker);
    const device = await connect(broker.mqttUrl, 'd1', { clean: false });
    broker.dropConnections();
    await device.untilClosed();
    expect((await connect(broker.mqttUrl, 'd1', { clean: false })).sessionPresent).toBe(true);
  });
});
