import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { INGEST_CLIENT_ID } from '../src/telemetry/ingest/ingest.ts';
import { until } from './harness.ts';
import { type Instance, startTelemetryRig, type TelemetryRig } from './telemetry-rig.ts';

let rig: TelemetryRig;
let instance: Instance;

beforeAll(async () => {
  rig = await startTelemetryRig();
  instance = await rig.start();
  await instance.online();
}, 60_000);
afterAll(() => rig.close(), 30_000);

async function api(method: string, path: string, body?: string): Promise<unknown> {
  const response = await fetch(`${rig.broker.dev.apiUrl}${path}`, {
    method,
    headers: { authorization: `Basic ${btoa('simple-iot-server:api-secret-0123456789')}` },
    ...(body === undefined ? {} : { body }),
  });
  if (!response.ok) throw new Error(await response.text());
  return response.headers.get('content-type')?.includes('json') ? response.json() : response.text();
}

function changeZone(settings: string): Promise<unknown> {
  return api('PUT', '/configs?mode=merge', `zones.server.mqtt { ${settings} }`);
}

async function maxInflight(): Promise<number> {
  const client = await api('GET', `/clients/${INGEST_CLIENT_ID}`);
  return z.object({ inflight_max: z.number() }).parse(client).inflight_max;
}

/** The session's connection ends; once it is back, the broker has applied its zone to it. */
async function reconnect(meanwhile: () => Promise<void>): Promise<void> {
  await instance.mqttProxy.refuse();
  await until('the session is down', () => instance.telemetry.state() !== 'online');
  await meanwhile();
  await instance.mqttProxy.pass();
  await instance.online();
}

async function overflows(): Promise<(number | null)[]> {
  const rows = await rig.sql<{ messages: number | null }[]>`
    select messages::int from ingest_events where kind = 'queue_overflow' order by id`;
  return rows.map(({ messages }) => messages);
}

test('messages that the broker dropped for a full queue are noted once, and readiness says so', async () => {
  const client = await rig.publisher();
  const overflow = (count: number) =>
    reconnect(() =>
      rig.send(
        client,
        randomUUID(),
        Array.from({ length: count }, (_, i) => ({ i })),
      ),
    );
  expect(instance.telemetry.checks.telemetry()).toBe('ok');
  await changeZone('max_mqueue_len = 5');
  // The length of its queue is a session's for as long as it lives.
  await reconnect(async () => void rig.broker.dev.killSession(INGEST_CLIENT_ID));
  await overflow(8);
  await instance.telemetry.lookAtSession();
  await instance.telemetry.lookAtSession();
  expect(await overflows()).toEqual([3]);
  expect(instance.telemetry.checks.telemetry()).toBe(
    'ok, but in the last 24 hours the broker lost its session once, and its full queue dropped 3 messages',
  );
  await overflow(6);
  await instance.telemetry.lookAtSession();
  expect(await overflows()).toEqual([3, 1]);
}, 60_000);

test('a session that is older than the settings of its zone takes them over by a reconnect, and is not lost', async () => {
  const losses = () => rig.sql`select id from ingest_events where kind = 'session_lost'`;
  const before = await losses();
  await changeZone('max_inflight = 10');
  await reconnect(async () => {});
  expect(await maxInflight()).toBe(10);
  await changeZone('max_inflight = 2048');
  await instance.telemetry.lookAtSession();
  await until('the session has them', async () => (await maxInflight()) === 2_048);
  await instance.online();
  expect(await losses()).toEqual(before);
}, 60_000);
