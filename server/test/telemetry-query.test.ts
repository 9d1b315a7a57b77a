import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Interval } from '../contract/api/telemetry.ts';
import { MIGRATIONS_FOLDER } from '../dev/stack.ts';
import { type DatabaseClient, openDatabase } from '../src/platform/db/client.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { findOrMakeKeys } from '../src/telemetry/ingest/device-state.ts';
import { insertRecords, markDirtyHours } from '../src/telemetry/ingest/write-batch.ts';
import { deleteRecords } from '../src/telemetry/query/delete-records.ts';
import { type Bucket, readBuckets } from '../src/telemetry/query/read-buckets.ts';
import { readFields } from '../src/telemetry/query/read-fields.ts';
import { readRecords, recordsStatement } from '../src/telemetry/query/read-records.ts';
import { listPartitions, makePartitions, ROLLUPS, TELEMETRY } from '../src/telemetry/store/partitions.ts';
import { applyRetention } from '../src/telemetry/store/retention.ts';
import { rollUp } from '../src/telemetry/store/rollups.ts';
import { createTestDatabase, type TestDatabase } from './harness.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Both changes of the clock in Europe and a year's turn are in here. */
const FROM = Date.UTC(2025, 9, 20);
const TO = Date.UTC(2026, 3, 5);
const { signal } = new AbortController();

let database: TestDatabase;
let client: DatabaseClient;

beforeAll(async () => {
  database = await createTestDatabase();
  client = openDatabase(database.url);
  await migrate(client.sql, MIGRATIONS_FOLDER);
  await makePartitions(client.sql, TELEMETRY, FROM, TO);
  await makePartitions(client.sql, ROLLUPS, FROM, TO);
}, 60_000);
afterAll(async () => {
  await client.close(1_000);
  await database.close();
});

interface Point {
  readonly atMs: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A new device with these records, received a microsecond apart. */
async function deviceWith(points: readonly Point[]): Promise<{ key: number; id: string }> {
  const id = randomUUID();
  const [made] = await findOrMakeKeys(client.db, [id]);
  if (!made) throw new Error('no key');
  await add(made.key, points);
  return made;
}

async function add(key: number, points: readonly Point[]): Promise<void> {
  const records = points.map(({ atMs, body }, index) => ({
    deviceId: '',
    atUs: atMs * 1_000,
    receivedUs: atMs * 1_000 + index,
    text: JSON.stringify(body),
    body,
  }));
  await insertRecords(client.db, records, () => key);
  const hours = [...new Set(points.map(({ atMs }) => Math.floor(atMs / HOUR)))];
  await markDirtyHours(
    client.db,
    hours.map((hour) => ({ device: key, hourMs: hour * HOUR })),
  );
}

function buckets(
  device: number,
  source: 'records' | 'rollups',
  fromMs: number,
  toMs: number,
  interval: Interval,
  zone = 'UTC',
  fields: readonly string[] = ['temp'],
): Promise<Bucket[]> {
  return readBuckets(client.db, { device, fields, fromMs, toMs, interval, zone, source });
}

function temperatures(fromMs: number, toMs: number, stepMs: number): Point[] {
  const points: Point[] = [];
  for (let atMs = fromMs, i = 0; atMs < toMs; atMs += stepMs, i++) {
    points.push({
      atMs,
      body: { temp: Math.round(1_000 * Math.sin(i * 12.9898)) / 8, on: i % 2 === 0, label: 'x' },
    });
  }
  return points;
}

describe('buckets', () => {
  test('have first, last, least, greatest, mean and count, with their times', async () => {
    const at = FROM + 5 * HOUR;
    const { key } = await deviceWith([
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
      const { key } = await deviceWith(temperatures(from, from + 6 * DAY, 411_000));
      await rollUp(client.db, from + 4 * DAY, signal);
      // Late ones, for hours that are rolled up already.
      await add(key, [{ atMs: from + 10 * HOUR, body: { temp: 5_000 } }]);
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
    const { key } = await deviceWith(temperatures(midnight, midnight + 49 * HOUR, HOUR));
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
      const { key } = await deviceWith(temperatures(twice + HOUR / 4, twice + 5 * HOUR, HOUR / 2));
      await rollUp(client.db, twice + DAY, signal);
      const found = await buckets(key, source, twice, twice + 5 * HOUR, '2h', 'Europe/Berlin');
      expect(found.map(({ startMs, count }) => [startMs, count])).toEqual([
        [twice, 6],
        [twice + 3 * HOUR, 4],
      ]);
      // In Havana it is the hour after midnight.
      const midnight = Date.UTC(2025, 10, 2, 4);
      await add(key, temperatures(midnight + HOUR / 4, midnight + 26 * HOUR, HOUR / 2));
      await rollUp(client.db, midnight + 2 * DAY, signal);
      const days = await buckets(key, source, midnight, midnight + 26 * HOUR, '1d', 'America/Havana');
      expect(days.map(({ startMs, count }) => [startMs, count])).toEqual([
        [midnight, 50],
        [midnight + 25 * HOUR, 2],
      ]);
    },
  );

  test('of an hour are two where an hour comes twice', async () => {
    const twice = Date.UTC(2025, 9, 26, 0);
    const { key } = await deviceWith(temperatures(twice, twice + 2 * HOUR, HOUR / 4));
    const found = await buckets(key, 'records', twice, twice + 2 * HOUR, '1h', 'Europe/Berlin');
    expect(found.map(({ startMs, count }) => [startMs, count])).toEqual([
      [twice, 4],
      [twice + HOUR, 4],
    ]);
  });

  test('of a zone with half hours begin at its midnight', async () => {
    const midnight = Date.UTC(2025, 10, 1, 18, 30);
    const { key } = await deviceWith(temperatures(midnight, midnight + 2 * DAY, 600_000));
    const found = await buckets(key, 'records', midnight, midnight + 2 * DAY, '1d', 'Asia/Kolkata');
    expect(found.map(({ startMs }) => startMs)).toEqual([midnight, midnight + DAY]);
  });

  test('hold nothing of other fields and devices', async () => {
    const at = FROM + 50 * HOUR;
    const { key } = await deviceWith([{ atMs: at, body: { temp: 1, hum: 50 } }]);
    await deviceWith([{ atMs: at, body: { temp: 99 } }]);
    const found = await buckets(key, 'records', at, at + HOUR, '1m', 'UTC', ['hum']);
    expect(found.map(({ field, mean }) => [field, mean])).toEqual([['hum', 50]]);
  });
});

describe('pages of records', () => {
  test.each(['asc', 'desc'] as const)(
    'hold each record once, those of one moment too (%s)',
    async (order) => {
      const at = FROM + 100 * HOUR;
      const points = Array.from({ length: 25 }, (_, i) => ({ atMs: at + Math.floor(i / 10), body: { i } }));
      const { key } = await deviceWith(points);
      const seen: unknown[] = [];
      let after: { atUs: number; receivedUs: number } | undefined;
      for (;;) {
        const page = await readRecords(client.db, {
          device: key,
          fromMs: at,
          toMs: at + HOUR,
          order,
          limit: 7,
          after,
        });
        seen.push(...page.map(({ data }) => data.i));
        after = page.at(-1);
        if (page.length < 7) break;
      }
      const expected = points.map(({ body }) => body.i);
      expect(seen).toEqual(order === 'asc' ? expected : expected.toReversed());
    },
  );

  test.each(['asc', 'desc'] as const)('are read without the rest of their range (%s)', async (order) => {
    const at = Date.UTC(2026, 0, 20);
    const { key } = await deviceWith(temperatures(at, at + 5 * DAY, 60_000));
    await client.sql`analyze telemetry`;
    const range = { device: key, fromMs: at, toMs: at + 5 * DAY, order, limit: 10 };
    const middle = { atUs: (at + 2 * DAY) * 1_000, receivedUs: 0 };
    for (const after of [undefined, middle]) {
      const [plan] = await client.db.execute<{ 'QUERY PLAN': unknown }>(
        sql`explain (analyze, format json) ${recordsStatement({ ...range, after })}`,
      );
      const rows = [...JSON.stringify(plan).matchAll(/"Actual Rows":(\d+)/g)].map(([, count]) =>
        Number(count),
      );
      expect(rows.length).toBeGreaterThan(1);
      expect(Math.max(...rows)).toBeLessThan(100);
    }
  });
});

describe('fields', () => {
  test('are listed with kind, newest value and what the device says of them, before and after the rollup', async () => {
    const at = FROM + 200 * HOUR;
    const { key, id } = await deviceWith([
      { atMs: at, body: { temp: 1, old: 7, b: 1, n: 1, ts: at } },
      { atMs: at + 1_000, body: { temp: 2.5, on: false, text: 'x', nothing: null, list: [1] } },
    ]);
    await client.sql`insert into device_about (device_id, fields, received_at)
      values (${id}, '{"temp":{"u":"°C","k":"temperature"}}', now())`;
    const expected = [
      { name: 'list', kind: 'array', value: [1], atMs: at + 1_000 },
      { name: 'old', kind: 'number', value: 7, atMs: at },
      { name: 'on', kind: 'boolean', value: false, atMs: at + 1_000 },
      { name: 'temp', kind: 'number', value: 2.5, atMs: at + 1_000, unit: '°C', quantity: 'temperature' },
      { name: 'text', kind: 'string', value: 'x', atMs: at + 1_000 },
    ];
    expect(await readFields(client.db, key)).toEqual(expected);
    await rollUp(client.db, at + DAY, signal);
    expect(await readFields(client.db, key)).toEqual(expected);
    await add(key, [{ atMs: at + 2_000, body: { old: 8 } }]);
    expect((await readFields(client.db, key))[1]).toMatchObject({ value: 8, atMs: at + 2_000 });
  });

  test('that a device makes up are listed and rolled up to a limit', async () => {
    const at = FROM + 250 * HOUR;
    const { key } = await deviceWith(
      Array.from({ length: 300 }, (_, i) => ({ atMs: at + i, body: { [`field${i}`]: i } })),
    );
    await rollUp(client.db, at + DAY, signal);
    const [count] = await client.sql`select
      (select count(*)::int from telemetry_fields where device = ${key}) as fields,
      (select count(*)::int from telemetry_rollups where device = ${key}) as rollups`;
    expect(count).toEqual({ fields: 200, rollups: 200 });
  });
});

describe('deleting a range', () => {
  test('takes its records away and corrects the rollups of the hours that it cuts', async () => {
    const at = Date.UTC(2026, 0, 10);
    const { key } = await deviceWith(temperatures(at, at + DAY, 600_000));
    await rollUp(client.db, at + 2 * DAY, signal);
    const [from, to] = [at + 90 * 60_000, at + 5 * HOUR + 60_000];
    const deleted = await client.db.transaction((tx) =>
      deleteRecords(tx, { device: key, fromMs: from, toMs: to }),
    );
    expect(deleted).toBe(22);
    for (const step of ['before', 'after']) {
      const expected = await buckets(key, 'records', at, at + DAY, '1h');
      const found = await buckets(key, 'rollups', at, at + DAY, '1h');
      expect([step, ...found.map(rounded)]).toEqual([step, ...expected.map(rounded)]);
      expect(found.reduce((sum, { count }) => sum + count, 0)).toBe(144 - 22);
      await rollUp(client.db, at + 2 * DAY, signal);
    }
  });
});

describe('retention', () => {
  test('drops whole days, keeps what a device is to keep for longer, and keeps rollups', async () => {
    const now = Date.UTC(2026, 3, 1, 12);
    const days = [100, 60, 20, 9].map((age) => now - age * DAY);
    const points = days.map((atMs) => ({ atMs, body: { temp: 1 } }));
    const usual = await deviceWith(points);
    const longer = await deviceWith(points);
    const shorter = await deviceWith(points);
    await client.sql`update telemetry_devices set retention_days = 70 where key = ${longer.key}`;
    await client.sql`update telemetry_devices set retention_days = 10 where key = ${shorter.key}`;
    await rollUp(client.db, now, signal);
    const retention = { telemetrySeconds: 30 * 86_400, rollupSeconds: 3_650 * 86_400 };
    await applyRetention(client, retention, now, signal);
    const left = async (key: number) => {
      const rows = await readRecords(client.db, {
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
    expect((await listPartitions(client.sql, TELEMETRY))[0]?.toMs).toBeGreaterThan(now - 70 * DAY);
    expect(await buckets(usual.key, 'rollups', FROM, TO, '1d')).toHaveLength(4);
    // A second time, with nothing left to do.
    await applyRetention(client, retention, now, signal);
    expect(await left(longer.key)).toEqual([60, 20, 9]);
  });
});

/** Sums of doubles depend on the order they are added in. */
function rounded(bucket: Bucket): Bucket {
  return { ...bucket, mean: Math.round(bucket.mean * 1e6) / 1e6 };
}
