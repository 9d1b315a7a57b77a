import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { callApi, createApiKey } from './devices.ts';
import { readEvents } from './event-reader.ts';
import { connectDevice, registerDevice, type Stack, startStack, type TestDevice, until } from './harness.ts';

let first: Stack;
/** Another instance on the same database and broker; it does not hold the ingest session. */
let second: Stack;
let key: string;
let device: TestDevice;
let client: MqttClient;

beforeAll(async () => {
  first = await startStack();
  const { MQTT_URL = '', EMQX_API_URL = '', MQTT_HOST = '' } = first.env;
  second = await startStack({
    database: first.database,
    broker: false,
    env: { MQTT_URL, EMQX_API_URL, MQTT_HOST, INSTANCE_ID: 'second' },
  });
  key = await createApiKey(first, 'viewer');
  device = await registerDevice(first.url);
  client = await connectDevice(first.broker.mqttUrl, device);
}, 60_000);
afterAll(async () => {
  client.end(true);
  await second.close();
  await first.close();
}, 30_000);

interface Told {
  readonly data?: Record<string, unknown>;
  readonly records?: number;
}

/** Opens the stream of a device and collects its events. */
async function watch(stack: Stack, lastEventId?: string, by: string = key) {
  const leaving = new AbortController();
  const response = await callApi(stack, by, 'GET', `/devices/${device.uuid}/telemetry/live`, {
    signal: leaving.signal,
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
  });
  const { events, ended } = readEvents<Told>(response);
  return {
    response,
    events,
    /** Resolves when the server has ended the stream. */
    ended,
    values: () => events.flatMap(({ name, data }) => (name === 'record' ? [data.data?.i] : [])),
    async leave() {
      leaving.abort();
      await ended;
    },
  };
}

function send(...bodies: readonly object[]): void {
  for (const body of bodies) client.publish(`device/${device.uuid}/data`, JSON.stringify(body), { qos: 1 });
}

describe('a viewer of a device', () => {
  test('sees each record once and in order, at whichever instance', async () => {
    const viewers = [await watch(first), await watch(second)];
    expect(viewers[0]?.response.headers.get('content-type')).toBe('text/event-stream');
    send(...Array.from({ length: 50 }, (_, i) => ({ i: i + 1 })));
    const expected = Array.from({ length: 50 }, (_, i) => i + 1);
    for (const viewer of viewers) {
      await until('all records are seen', () => viewer.values().length >= 50);
      expect(viewer.values()).toEqual(expected);
      await viewer.leave();
    }
  });

  test('that comes back with Last-Event-ID has missed nothing and sees nothing twice', async () => {
    const before = await watch(first);
    send({ i: 101 }, { i: 102 });
    await until('two are seen', () => before.values().length === 2);
    await before.leave();
    const last = before.events.at(-1)?.id;
    send({ i: 103 }, { i: 104 });
    const after = await watch(second, last);
    send({ i: 105 });
    await until('three are seen', () => after.values().includes(105));
    expect(after.values()).toEqual([103, 104, 105]);
    await after.leave();
  });

  test('is told of records that were measured long ago', async () => {
    const viewer = await watch(second);
    send({ i: 201 });
    await until('the first is seen', () => viewer.values().includes(201));
    send({ i: 202, ts: Date.now() - 86_400_000 }, { i: 203 });
    await until('the gap is told', () => viewer.events.some(({ name }) => name === 'gap'));
    await until('the last is seen', () => viewer.values().includes(203));
    expect(viewer.values()).toEqual([201, 203]);
    expect(viewer.events.find(({ name }) => name === 'gap')?.data).toEqual({ records: 1 });
    await viewer.leave();
  });

  test('of an unknown device is answered 404', async () => {
    const response = await callApi(first, key, 'GET', `/devices/${randomUUID()}/telemetry/live`);
    expect(response.status).toBe(404);
  });

  test('sees nothing more when its API key is revoked', async () => {
    const revoked = await createApiKey(first, 'viewer');
    const viewer = await watch(first, undefined, revoked);
    const other = await watch(first);
    await first.sql`delete from api_keys where prefix = ${revoked.slice(0, 9)}`;
    await viewer.ended;
    send({ i: 251 });
    await until('the other one sees it', () => other.values().includes(251));
    expect(viewer.values()).toEqual([]);
    await other.leave();
  });

  test('may open 50 streams by one key, and with HEAD none', async () => {
    const path = `/devices/${device.uuid}/telemetry/live`;
    const many = await createApiKey(first, 'viewer');
    for (let i = 0; i < 60; i++) {
      const head = await callApi(first, many, 'HEAD', path);
      expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    }
    const viewers = [];
    for (let i = 0; i < 50; i++) viewers.push(await watch(first, undefined, many));
    expect(viewers.every(({ response }) => response.status === 200)).toBe(true);
    const refused = await callApi(first, many, 'GET', path);
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([503, true]);
    const other = await watch(first);
    expect(other.response.status).toBe(200);
    for (const viewer of [...viewers, other]) await viewer.leave();
  });

  test('does not keep the server from stopping', async () => {
    const viewer = await watch(second);
    send({ i: 301 });
    await until('the record is seen', () => viewer.values().includes(301));
    await second.stopServer();
    await viewer.ended;
    expect(viewer.values()).toEqual([301]);
  });
});
