import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { SQL } from 'drizzle-orm';
import type { Queryable } from '../src/platform/db/client.ts';
import { createDeviceState } from '../src/telemetry/ingest/device-state.ts';
import { type NumberedStream, streamKey } from '../src/telemetry/ingest/plan-batch.ts';
import { writeStreams } from '../src/telemetry/ingest/write-batch.ts';
import { type StoredTelemetry, startStoredTelemetry } from './stored-telemetry.ts';

const NOW = Date.UTC(2026, 0, 1);
/** More than the holder of the session remembers. */
const MANY = 200_001;

let store: StoredTelemetry;

beforeAll(async () => {
  store = await startStoredTelemetry(NOW, NOW);
}, 60_000);
afterAll(() => store.close());

test('the streams of a batch are known after the others had to be forgotten', async () => {
  const { db } = store.client;
  const state = createDeviceState();
  const [known, other] = [await store.deviceWith([]), await store.deviceWith([])];
  const streamsOf = (deviceId: string, boots: number) =>
    new Map<string, NumberedStream>(
      Array.from({ length: boots }, (_, boot) => [
        streamKey(deviceId, boot),
        { deviceId, boot, stream: { lastN: 41, gaps: [] }, changed: true },
      ]),
    );
  const stored = streamsOf(known.id, 1);
  await writeStreams(db, stored.values(), () => known.key, new Date(NOW));
  const devices = new Set([known.id, other.id]);
  const cached = streamKey(known.id, 0);
  const added = streamKey(other.id, 0);

  await state.load(db, devices, new Map([[cached, { deviceId: known.id, boot: 0 }]]));
  expect(state.streams.get(cached)?.lastN).toBe(41);
  state.update(streamsOf('00000000-0000-4000-8000-000000000000', MANY));
  await state.load(
    db,
    devices,
    new Map([
      [cached, { deviceId: known.id, boot: 0 }],
      [added, { deviceId: other.id, boot: 0 }],
    ]),
  );
  expect(state.streams.get(cached)?.lastN).toBe(41);
  expect(state.streams.isFirstContact(known.id)).toBe(false);
  expect(state.streams.get(added)).toBeUndefined();
  expect(state.streams.isFirstContact(other.id)).toBe(true);
});

test('a new boot of a device that makes up boots has none of the others read', async () => {
  const { db } = store.client;
  const device = await store.deviceWith([]);
  await store.client.sql`
    insert into device_streams (device, boot, last_n, updated_at)
    select ${device.key}, boot, 1, now() from generate_series(1, 1000) as boot`;
  let read = 0;
  const counting: Queryable = Object.create(db, {
    execute: {
      value: async (statement: SQL) => {
        const rows = await db.execute(statement);
        read += rows.length;
        return rows;
      },
    },
  });
  const state = createDeviceState();
  const boots = [1_000, 1_001].map(
    (boot) => [streamKey(device.id, boot), { deviceId: device.id, boot }] as const,
  );
  await state.load(counting, new Set([device.id]), new Map(boots));
  expect(boots.map(([key]) => state.streams.get(key)?.lastN)).toEqual([1, undefined]);
  expect(state.streams.isFirstContact(device.id)).toBe(false);
  // Its key, and two boots.
  expect(read).toBe(3);
});
