import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import type { Queryable } from '../src/platform/db/client.ts';
import { makeDays, storeImported } from '../src/telemetry/import/store-batch.ts';
import { readLatestValues } from '../src/telemetry/live/latest-values.ts';
import { readBuckets } from '../src/telemetry/query/read-buckets.ts';
import { readFields } from '../src/telemetry/query/read-fields.ts';
import { readNewestRecord, readRecords, recordsStatement } from '../src/telemetry/query/read-records.ts';
import { listPartitions, TELEMETRY } from '../src/telemetry/store/partitions.ts';
import { type StoredTelemetry, startStoredTelemetry, temperatures } from './stored-telemetry.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const FROM = Date.UTC(2025, 9, 20);
const TO = Date.UTC(2026, 3, 5);

let store: StoredTelemetry;

beforeAll(async () => {
  store = await startStoredTelemetry(FROM, TO);
}, 60_000);
afterAll(() => store.close());

describe('pages of records', () => {
  test.each(['asc', 'desc'] as const)(
    'hold each record once, those of one moment too (%s)',
    async (order) => {
      const at = FROM + 100 * HOUR;
      const points = Array.from({ length: 25 }, (_, i) => ({ atMs: at + Math.floor(i / 10), body: { i } }));
      const { key } = await store.deviceWith(points);
      const seen: unknown[] = [];
      let after: { atUs: number; receivedUs: number } | undefined;
      for (;;) {
        const page = await readRecords(store.client.db, {
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
    const { key } = await store.deviceWith(temperatures(at, at + 5 * DAY, 60_000));
    await store.client.sql`analyze telemetry`;
    const range = { device: key, fromMs: at, toMs: at + 5 * DAY, order, limit: 10 };
    const days: number[] = [];
    const middle = { atUs: (at + 2 * DAY) * 1_000, receivedUs: 0 };
    for (const after of [undefined, middle]) {
      const [plan] = await store.client.db.execute<{ 'QUERY PLAN': unknown }>(
        sql`explain (analyze, format json) ${recordsStatement({ ...range, after })}`,
      );
      const text = JSON.stringify(plan);
      days.push(new Set(text.match(/telemetry_\d{8}(?=")/g)).size);
      expect(text).not.toMatch(/"Subplans Removed":[1-9]/);
      const rows = [...text.matchAll(/"Actual Rows":(\d+)/g)].map(([, count]) => Number(count));
      expect(rows.length).toBeGreaterThan(1);
      expect(Math.max(...rows)).toBeLessThan(100);
    }
    // Those behind the place where the page begins are not even in the plan.
    expect(days).toEqual([5, 3]);
  });
});

test('what is asked of a day locks the partitions of that day alone, however many there are', async () => {
  const at = Date.UTC(2026, 1, 10);
  const { key, id } = await store.deviceWith(temperatures(at, at + DAY, 600_000));
  await store.client.sql`
    update telemetry_devices set last_received_at = ${new Date(at + DAY / 2).toISOString()} where key = ${key}`;
  const atUs = (at + HOUR) * 1_000;
  const imported = [{ line: 1, atUs, receivedUs: atUs, text: '{"temp":1}' }];
  const [fromMs, toMs] = [at + HOUR, at + DAY - HOUR];
  const buckets = { device: key, fields: ['temp'], fromMs, toMs, zone: 'UTC' };
  const page = { device: key, fromMs, toMs, order: 'asc', limit: 10 } as const;
  const work: Record<string, (tx: Queryable) => Promise<unknown>> = {
    records: (tx) => readRecords(tx, page),
    newest: (tx) => readNewestRecord(tx, key, at + DAY),
    fields: (tx) => readFields(tx, key),
    buckets: (tx) => readBuckets(tx, { ...buckets, interval: '10m', source: 'records' }),
    live: (tx) => readLatestValues(tx, [id]),
    import: (tx) => storeImported(tx, key, imported),
    hours: (tx) => readBuckets(tx, { ...buckets, interval: '1h', source: 'rollups' }),
  };
  for (const [name, read] of Object.entries(work)) {
    const locked = await store.client.db.transaction(async (tx) => {
      expect(await read(tx), name).toBeTruthy();
      return await tx.execute<{ name: string }>(sql`
        select distinct relation::regclass::text as name from pg_locks
        where pid = pg_backend_pid() and relation::regclass::text ~ '^telemetry_\\d{8}$'`);
    });
    const days = locked.map((row) => row.name);
    expect(days, name).toContain('telemetry_20260210');
    // The newest record is looked for two days back, and as far ahead as there are partitions.
    if (name !== 'newest') expect(days, name).toEqual(['telemetry_20260210']);
    else expect(Math.min(...days.map((day) => Number(day.slice(-8))))).toBe(20_260_209);
  }
});

test('an import makes the partitions of its days and of no others', async () => {
  const days = async () =>
    (await listPartitions(store.client.sql, TELEMETRY)).map(({ fromMs }) => fromMs).filter((ms) => ms < FROM);
  const at = Date.UTC(2024, 1, 28);
  const imported = [3, 0, 1, 8].map((day) => {
    const atUs = (at + day * DAY + HOUR) * 1_000;
    return { line: 1, atUs, receivedUs: atUs, text: '{}' };
  });
  for (const made of [new Set<number>(), new Set<number>()]) {
    await makeDays(store.client.sql, imported, made);
    expect(await days()).toEqual([0, 1, 3, 8].map((day) => at + day * DAY));
    expect(made.size).toBe(4);
  }
});

test('the newest record is found however old it is', async () => {
  const now = TO - DAY;
  const { key } = await store.deviceWith([]);
  expect(await readNewestRecord(store.client.db, key, now)).toBeUndefined();
  for (const age of [150 * DAY, 60 * DAY, 59 * DAY, 2 * DAY, HOUR, -HOUR]) {
    await store.add(key, [{ atMs: now - age, body: { age } }]);
    expect((await readNewestRecord(store.client.db, key, now))?.data).toEqual({ age });
  }
});
