import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { DeviceClient } from '../dev/device-client.ts';
import { systemClock } from '../src/platform/clock.ts';
import { deviceKey } from '../src/platform/secrets.ts';
import { INGEST_CLIENT_ID } from '../src/telemetry/ingest/ingest.ts';
import { type ManualClock, manualClock } from './clocks.ts';
import { AGENT_SECRET, type Stack, startStack, until } from './harness.ts';
import { startOnlineDevice } from './online-device.ts';

/** The first wait of a device, at its longest. */
const RESEND_MS = 37_500;

let stack: Stack;
let device: DeviceClient;
let clock: ManualClock;
const uuid = randomUUID();

beforeAll(async () => {
  stack = await startStack();
  await stack.ready();
  clock = manualClock(systemClock.now());
  const credential = deviceKey(AGENT_SECRET, uuid);
  device = (await startOnlineDevice({ server: stack.url, uuid, credential, clock })).client;
}, 60_000);
afterAll(async () => {
  await device.close();
  await stack.close();
});

/** Numbers in the order of receipt. */
async function stored(): Promise<number[]> {
  const rows = await stack.sql<{ n: number }[]>`
    select (data->>'n')::int as n from telemetry join telemetry_devices on key = device
    where device_id = ${uuid} order by received`;
  return rows.map(({ n }) => n);
}

test('records that the broker took and lost are stored, although the device stays connected', async () => {
  await stack.stopServer();
  stack.broker.killSession(INGEST_CLIENT_ID);
  // The broker acknowledges them, and nobody is subscribed.
  for (let temp = 1; temp <= 3; temp++) device.record({ temp });
  await stack.startServer();
  await stack.ready();
  device.record({ temp: 4 });
  await until('the fourth is stored', async () => (await stored()).length > 0);
  expect(await stored()).toEqual([4]);
  expect(device.records()).toEqual({ waiting: 4, lost: 0 });
  expect(device.online()).toBe(true);

  clock.advance(RESEND_MS);
  await until('all are acknowledged', () => device.records().waiting === 0);
  expect((await stored()).sort()).toEqual([1, 2, 3, 4]);
  const [account] = await stack.sql`
    select stored::int, lost::int, repeated::int from telemetry_devices where device_id = ${uuid}`;
  expect(account).toEqual({ stored: 4, lost: 0, repeated: 1 });
  expect(device.records().lost).toBe(0);
}, 60_000);
