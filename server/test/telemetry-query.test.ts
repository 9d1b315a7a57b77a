import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Interval } from '../contract/api/telemetry.ts';
import { deleteRecords } from '../src/telemetry/query/delete-records.ts';
import { type Bucket, readBuckets } from '../src/telemetry/query/read-buckets.ts';
import { readFields } from '../src/telemetry/query/read-fields.ts';
import { readRecords } from '../src/telemetry/query/read-records.ts';
import { listPartitions, TELEMETRY } from '../src/telemetry/store/partitions.ts';
import { applyRetention } from '../src/telemetry/store/retention.ts';
import { rollUp } from '../src/telemetry/store/rollups.ts';
import { explaining } from './explain.ts';
import { type StoredTelemetry, startStoredTelemetry, temperatures } from './stored-telemetry.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Both changes of the clock in Europe and a year's turn are in here. */
const FROM = Date.UTC(2025, 9, 20);
const TO = Date.UTC(2026, 3, 5);
const { signal } = new AbortController();

let store: StoredTelemetry;

beforeAll(async () => {
  store = await startStoredTelemetry(FROM, TO);
}, 60_000);
afterAll(() => store.close());

function buckets(
  device: number,
  source: 'records' | 'rollups',
  fromMs: number,
  toMs: number,
  interval: Interval,
  zone = 'UTC',
  fields: readonly string[] = ['temp'],
): Promise<Bucket[]> {
  return readBuckets(store.client.db, { device, fields, fromMs, toMs, interval, zone, source });
}

describe('buckets', () => {
  test('have first, last, least, greatest, mean and count, with their times', async () => {
    const at = FROM + 5 * HOUR;
    const { key } = await store.deviceWith([
      { atMs: at, body: { temp: 3 } },
      { atMs: at + 1_000, body: { temp: 9 } },
      { atMs: at + 2_000, body: { temp: 9 } },
      { atMs: at + 3_000, body: { temp: -1.5 } },
      { atMs: at + 4_000, body: { temp: 'broken' } },
      { atMs: at + 60_000, body: { temp: 4 } },
    ]);
    expect(await buckets(key, 'records', at, at + HOUR, '1m')).toEqual([
      {
        field: 'temp',
        startMs: at,
        count: 4,
        mean: 19.5 / 4,
        min: { value: -1.5, atMs: at + 3_000 },
        max: { value: 9, atMs: at + 1_000 },
        first: { value: 3, atMs: at },
        last: { value: -1.5, atMs: at + 3_000 },
      },
      {
        field: 'temp',
        startMs: at + 60_000,
        count: 1,
        mean: 4,
        min: { value: 4, atMs: at + 60_000 },
        max: { value: 4, atMs: at + 60_000 },
        first: { value: 4, atMs: at + 60_000 },
        last: { value: 4, atMs: at + 60_000 },
      },
    ]);
  });

  test.each(['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'])(
    'from rollups are those from records, at both ends of a range too (%s)',
    async (zone) => {
      const from = Date.UTC(2025, 9, 24);
      const { key } = await store.deviceWith(temperatures(from, from + 6 * DAY, 411_000));
      await rollUp(store.client.db, from + 4 * DAY, signal);
      // Late ones, for hours that are rolled up already.
      await store.add(key, [{ atMs: from + 10 * HOUR, body: { temp: 5_000 } }]);
      for (const interval of ['1h', '3h', '12h', '1d', '7d'] as const) {
        const range = [from + 1_234_567, from + 5 * DAY + 7_654_321] as const;
        const expected = await buckets(key, 'records', ...range, interval, zone);
        const found = await buckets(key, 'rollups', ...range, interval, zone);
        expect(found.map(rounded)).toEqual(expected.map(rounded));
        expect(expected.length).toBeGreaterThan(0);
        expect(Math.max(...expected.map(({ max }) => max.value))).toBe(5_000);
      }
    },
    30_000,
  );

  test('of a day follow the clock on the wall when it is changed', async () => {
    // On 26 October 2025 Berlin went from UTC+2 to UTC+1: a day of 25 hours.
    const midnight = Date.UTC(2025, 9, 25, 22);
    const { key } = await store.deviceWith(temperatures(midnight, midnight + 49 * HOUR, HOUR));
    const found = await buckets(key, 'records', midnight, midnight + 49 * HOUR, '1d', 'Europe/Berlin');
    expect(found.map(({ startMs, count }) => [startMs, count])).toEqual([
      [midnight, 25],
      [midnight + 25 * HOUR, 24],
    ]);
  });

  test.each(['records', 'rollups'] as const)(
    'begin with the first of an hour that comes twice (%s)',
    async (source) => {
      const twice = Date.UTC(2025, 9, 26, 0);
      // Nothing was measured at the very beginning.
      const { key } = await store.deviceWith(temperatures(twice + HOUR / 4, twice + 5 * HOUR, HOUR / 2));
      await rollUp(store.client.db, twice + DAY, signal);
      const found = await buckets(key, source, twice, twice + 5 * HOUR, '2h', 'Europe/Berlin');
      expect(found.map(({ startMs, count }) => [startMs, count])).toEqual([
        [twice, 6],
        [twice + 3 * HOUR, 4],
      ]);
      // In Havana it is the hour after midnight.
      const midnight = Date.UTC(2025, 10, 2, 4);
      await store.add(key, temperatures(midnight + HOUR / 4, midnight + 26 * HOUR, HOUR / 2));
      await rollUp(store.client.db, midnight + 2 * DAY, signal);
      const days = await buckets(key, source, midnight, midnight + 26 * HOUR, '1d', 'America/Havana');
      expect(days.map(({ startMs, count }) => [startMs, count])).toEqual([
        [midnight, 50],
        [midnight + 25 * HOUR, 2],
      ]);
    },
  );

  test('of an hour are two where an hour comes twice', async () => {
    const twice = Date.UTC(2025, 9, 26, 0);
    const { key } = await store.deviceWith(temperatures(twice, twice + 2 * HOUR, HOUR / 4));
    const found = await buckets(key, 'records', twice, twice + 2 * HOUR, '1h', 'Europe/Berlin');
    expect(found.map(({ startMs, count }) => [startMs, count])).toEqual([
      [twice, 4],
      [twice + HOUR, 4],
    ]);
  });

  test('of a zone with half hours begin at its midnight', async () => {
    const midnight = Date.UTC(2025, 10, 1, 18, 30);
    const { key } = await store.deviceWith(temperatures(midnight, midnight + 2 * DAY, 600_000));
    const found = await buckets(key, 'records', midnight, midnight + 2 * DAY, '1d', 'Asia/Kolkata');
    expect(found.map(({ startMs }) => startMs)).toEqual([midnight, midnight + DAY]);
  });

  test('are whole where a long range is read in two parts', async () => {
    const at = Date.UTC(2025, 9, 22);
    // Read in two from noon on.
    const { key } = await store.deviceWith([
      { atMs: at + HOUR, body: { temp: 7, hum: 1 } },
      { atMs: at + 2 * HOUR, body: { temp: -3 } },
      { atMs: at + 11 * HOUR, body: { temp: 9 } },
      { atMs: at + 12 * HOUR, body: { temp: -3, alone: 4 } },
      { atMs: at + 13 * HOUR, body: { temp: 12 } },
      { atMs: at + 23 * HOUR, body: { temp: 5 } },
    ]);
    const found = await buckets(key, 'records', at, at + DAY, '1d', 'UTC', ['temp', 'hum', 'alone']);
    expect(found.map(({ field, count }) => [field, count])).toEqual([
      ['alone', 1],
      ['hum', 1],
      ['temp', 6],
    ]);
    expect(found[2]).toEqual({
      field: 'temp',
      startMs: at,
      count: 6,
      mean: 27 / 6,
      min: { value: -3, atMs: at + 2 * HOUR },
      max: { value: 12, atMs: at + 13 * HOUR },
      first: { value: 7, atMs: at + HOUR },
      last: { value: 5, atMs: at + 23 * HOUR },
    });
    const quarters = await buckets(key, 'records', at, at + DAY, '6h');
    expect(quarters.map(({ startMs, count }) => [startMs, count])).toEqual([
      [at, 2],
      [at + 6 * HOUR, 1],
      [at + 12 * HOUR, 2],
      [at + 18 * HOUR, 1],
    ]);
  });

  test('hold nothing of other fields and devices', async () => {
    const at = FROM + 50 * HOUR;
    const { key } = await store.deviceWith([{ atMs: at, body: { temp: 1, hum: 50 } }]);
    await store.deviceWith([{ atMs: at, body: { temp: 99 } }]);
    const found = await buckets(key, 'records', at, at + HOUR, '1m', 'UTC', ['hum']);
    expect(found.map(({ field, mean }) => [field, mean])).toEqual([['hum', 50]]);
  });

  test('of several fields are each made of the records that have a number there', async () => {
    const at = FROM + 60 * HOUR;
    const { key } = await store.deviceWith([
      { atMs: at, body: { hum: 40 } },
      { atMs: at + 1_000, body: { temp: 1, hum: 60 } },
      { atMs: at + 2_000, body: { temp: 3, hum: 'wet', "it's": 7 } },
      { atMs: at + 60_000, body: { hum: 70 } },
    ]);
    const found = await buckets(key, 'records', at, at + HOUR, '1m', 'UTC', ['temp', 'hum', "it's", 'none']);
    const [hum, later, quoted, temp] = found;
    expect(found.map(({ field, startMs, count }) => [field, startMs, count])).toEqual([
      ['hum', at, 2],
      ['hum', at + 60_000, 1],
      ["it's", at, 1],
      ['temp', at, 2],
    ]);
    expect([hum?.min, hum?.last]).toEqual([
      { value: 40, atMs: at },
      { value: 60, atMs: at + 1_000 },
    ]);
    expect([temp?.first, temp?.max]).toEqual([
      { value: 1, atMs: at + 1_000 },
      { value: 3, atMs: at + 2_000 },
    ]);
    expect([later?.mean, quoted?.mean]).toEqual([70, 7]);
  });
});

describe('fields', () => {
  test('are listed with kind, newest value and what the device says of them, before and after the rollup', async () => {
    const at = FROM + 200 * HOUR;
    const { key, id } = await store.deviceWith([
      { atMs: at, body: { temp: 1, old: 7, b: 1, n: 1, ts: at } },
      { atMs: at + 1_000, body: { temp: 2.5, on: false, text: 'x', nothing: null, list: [1] } },
    ]);
    await store.client.sql`insert into device_about (device_id, fields, received_at)
      values (${id}, '{"temp":{"u":"°C","k":"temperature"}}', now())`;
    const expected = [
      { name: 'list', kind: 'array', value: [1], atMs: at + 1_000 },
      { name: 'old', kind: 'number', value: 7, atMs: at },
      { name: 'on', kind: 'boolean', value: false, atMs: at + 1_000 },
      { name: 'temp', kind: 'number', value: 2.5, atMs: at + 1_000, unit: '°C', quantity: 'temperature' },
      { name: 'text', kind: 'string', value: 'x', atMs: at + 1_000 },
    ];
    expect(await readFields(store.client.db, key)).toEqual(expected);
    await rollUp(store.client.db, at + DAY, signal);
    expect(await readFields(store.client.db, key)).toEqual(expected);
    await store.add(key, [{ atMs: at + 2_000, body: { old: 8 } }]);
    expect((await readFields(store.client.db, key))[1]).toMatchObject({ value: 8, atMs: at + 2_000 });
  });

  test('that a device makes up are listed and rolled up to a limit', async () => {
    const at = FROM + 250 * HOUR;
    const { key } = await store.deviceWith(
      Array.from({ length: 300 }, (_, i) => ({ atMs: at + i, body: { [`field${i}`]: i } })),
    );
    await rollUp(store.client.db, at + DAY, signal);
    const [count] = await store.client.sql`select
      (select count(*)::int from telemetry_fields where device = ${key}) as fields,
      (select count(*)::int from telemetry_rollups where device = ${key}) as rollups`;
    expect(count).toEqual({ fields: 200, rollups: 200 });
  });
});

describe('deleting a range', () => {
  test('takes its records away and corrects the rollups of the hours that it cuts', async () => {
    const at = Date.UTC(2026, 0, 10);
    const { key } = await store.deviceWith(temperatures(at, at + DAY, 600_000));
    await rollUp(store.client.db, at + 2 * DAY, signal);
    const [from, to] = [at + 90 * 60_000, at + 5 * HOUR + 60_000];
    const deleted = await store.client.db.transaction((tx) =>
      deleteRecords(tx, { device: key, fromMs: from, toMs: to }),
    );
    expect(deleted).toBe(22);
    for (const step of ['before', 'after']) {
      const expected = await buckets(key, 'records', at, at + DAY, '1h');
      const found = await buckets(key, 'rollups', at, at + DAY, '1h');
      expect([step, ...found.map(rounded)]).toEqual([step, ...expected.map(rounded)]);
      expect(found.reduce((sum, { count }) => sum + count, 0)).toBe(144 - 22);
      await rollUp(store.client.db, at + 2 * DAY, signal);
    }
  });

  test('gives its fields the newest value that is left, and lists no others', async () => {
    const at = TO - 3 * DAY;
    const named = (from: number, to: number, value: number) =>
      Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`f${from + i}`, value]));
    // More than are listed, in two hours.
    const { key } = await store.deviceWith([
      { atMs: at, body: named(0, 150, 1) },
      { atMs: at + HOUR, body: named(150, 300, 2) },
      { atMs: at + 5 * HOUR, body: named(0, 2, 3) },
    ]);
    await rollUp(store.client.db, at + 2 * DAY, signal);
    const listed = async () =>
      await store.client.sql<{ field: string; last: number }[]>`
        select field, last from telemetry_fields where device = ${key} order by field`;
    const before = await listed();
    expect(before).toHaveLength(200);
    await store.client.db.transaction((tx) =>
      deleteRecords(tx, { device: key, fromMs: at + 5 * HOUR, toMs: at + 6 * HOUR }),
    );
    const isDeleted = (field: string) => field === 'f0' || field === 'f1';
    expect([...(await listed())]).toEqual(
      before.map(({ field, last }) => ({ field, last: isDeleted(field) ? 1 : last })),
    );
  });
});

describe('retention', () => {
  test('drops whole days, keeps what a device is to keep for longer, and keeps rollups', async () => {
    const now = Date.UTC(2026, 3, 1, 12);
    const days = [100, 60, 20, 9].map((age) => now - age * DAY);
    const points = days.map((atMs) => ({ atMs, body: { temp: 1 } }));
    const usual = await store.deviceWith(points);
    const longer = await store.deviceWith(points);
    const shorter = await store.deviceWith(points);
    await store.client.sql`update telemetry_devices set retention_days = 70 where key = ${longer.key}`;
    await store.client.sql`update telemetry_devices set retention_days = 10 where key = ${shorter.key}`;
    await rollUp(store.client.db, now, signal);
    const retention = { telemetrySeconds: 30 * 86_400, rollupSeconds: 3_650 * 86_400 };
    await applyRetention(store.client, retention, now, signal);
    const left = async (key: number) => {
      const rows = await readRecords(store.client.db, {
        device: key,
        fromMs: FROM,
        toMs: TO,
        order: 'asc',
        limit: 100,
      });
      return rows.map(({ atUs }) => Math.round((now - atUs / 1_000) / DAY));
    };
    expect(await left(usual.key)).toEqual([20, 9]);
    expect(await left(longer.key)).toEqual([60, 20, 9]);
    expect(await left(shorter.key)).toEqual([9]);
    expect((await listPartitions(store.client.sql, TELEMETRY))[0]?.toMs).toBeGreaterThan(now - 70 * DAY);
    expect(await buckets(usual.key, 'rollups', FROM, TO, '1d')).toHaveLength(4);
    // A second time, with nothing left to do.
    await applyRetention(store.client, retention, now, signal);
    expect(await left(longer.key)).toEqual([60, 20, 9]);
  });
});

/** Sums of doubles depend on the order they are added in. */
function rounded(bucket: Bucket): Bucket {
  return { ...bucket, mean: Math.round(bucket.mean * 1e6) / 1e6 };
}

test('the fields of a busy hour are found without sorting its values', async () => {
  const { key } = await store.deviceWith(
    Array.from({ length: 2_000 }, (_, i) => ({
      atMs: TO - 2 * DAY + Math.floor(i / 2) * 1_000,
      body: { a: i, b: 'no field', n: i, c: i % 2 === 0 ? null : 'text', ...(i === 7 ? { rare: [i] } : {}) },
    })),
  );
  const { db, nodes } = explaining(store.client.db);
  const fields = await readFields(db, key);
  expect(fields.map(({ name, kind, value }) => [name, kind, value])).toEqual([
    ['a', 'number', 1_999],
    ['c', 'string', 'text'],
    ['rare', 'array', [7]],
  ]);
  const sorted = nodes.filter(({ type }) => type.includes('Sort'));
  expect(sorted.reduce((sum, { rows }) => sum + rows, 0)).toBeWithin(1, 50);
});
