import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readSamples } from '../src/alerts/preview/read-past.ts';
import { parseRecord } from '../src/telemetry/ingest/record.ts';
import { type Bucket, readBuckets } from '../src/telemetry/query/read-buckets.ts';
import { readFields } from '../src/telemetry/query/read-fields.ts';
import { createMaintenance } from '../src/telemetry/store/maintenance.ts';
import { listPartitions, TELEMETRY } from '../src/telemetry/store/partitions.ts';
import { rollUp } from '../src/telemetry/store/rollups.ts';
import { manualClock } from './clocks.ts';
import { recordingLog } from './logs.ts';
import { type StoredTelemetry, startStoredTelemetry } from './stored-telemetry.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const FROM = Date.UTC(2026, 0, 1);
const TO = FROM + 10 * DAY;
const HUGE = 1.7e308;
const { signal } = new AbortController();

let store: StoredTelemetry;

beforeAll(async () => {
  store = await startStoredTelemetry(FROM, TO);
}, 60_000);
afterAll(() => store.close());

function buckets(key: number, source: 'records' | 'rollups', fields = ['temp']): Promise<Bucket[]> {
  const range = { fromMs: FROM, toMs: TO, interval: '364d', zone: 'UTC' } as const;
  return readBuckets(store.client.db, { ...range, device: key, fields, source });
}

async function marks(): Promise<number> {
  const [row] = await store.client.sql<{ n: number }[]>`select count(*)::int as n from telemetry_dirty_hours`;
  return row?.n ?? 0;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** Text of `characters` that no compression makes shorter. */
function noise(characters: number, first: number): string {
  return Array.from({ length: characters }, () =>
    String.fromCodePoint(first + Math.floor(Math.random() * 1_000)),
  ).join('');
}

describe('values whose sum is beyond a double', () => {
  test.each([
    ['large', [HUGE, HUGE], HUGE],
    ['large and negative', [-HUGE, -HUGE, -HUGE], -HUGE],
    ['large of either sign', [HUGE, -HUGE], 0],
    ['one large among others', [20, HUGE, 22, HUGE], 5e289],
  ])('are rolled up and drawn with their extremes: %s', async (_, values, mean) => {
    // In one hour, and in several.
    for (const step of [1_000, HOUR]) {
      const { key } = await store.deviceWith(
        values.map((temp, i) => ({ atMs: FROM + i * step, body: { temp } })),
      );
      const other = await store.deviceWith([{ atMs: FROM, body: { temp: 1 } }]);
      const [before] = await buckets(key, 'records');
      expect(await buckets(key, 'rollups')).toEqual(before ? [before] : []);
      await rollUp(store.client.db, TO, signal);
      expect(await marks()).toBe(0);
      expect(await buckets(key, 'rollups')).toEqual(before ? [before] : []);
      expect(await buckets(other.key, 'rollups')).toHaveLength(1);
      expect(before?.mean).toBe(mean);
      expect([before?.min.value, before?.max.value]).toEqual([Math.min(...values), Math.max(...values)]);
      expect([before?.first.value, before?.last.value]).toEqual([values[0], values.at(-1)]);
    }
  });

  test('that were rolled up before sums had a bound are drawn', async () => {
    const { key } = await store.deviceWith([{ atMs: FROM, body: {} }]);
    await rollUp(store.client.db, TO, signal);
    for (const hour of [FROM, FROM + HOUR, FROM + 2 * HOUR]) {
      await store.client.sql`
        insert into telemetry_rollups (device, field, hour, n, sum, min, min_ms, max, max_ms, first, first_ms, last, last_ms)
        values (${key}, 'temp', ${iso(hour)}, 1, ${HUGE}, ${HUGE}, 0, ${HUGE}, 0, ${HUGE}, 0, ${HUGE}, 0)`;
    }
    const [bucket] = await buckets(key, 'rollups');
    expect([bucket?.count, bucket?.mean]).toEqual([3, HUGE]);
  });

  test('no number is stored that the database cannot turn into a double', async () => {
    for (const number of ['1e400', '-1e309', `1${'0'.repeat(400)}`]) {
      expect(parseRecord(Buffer.from(`{"temp":${number}}`))).toBe('bad_number');
    }
    const texts = [
      '1e-400',
      '5e-324',
      '1.7976931348623157e308',
      `0.${'0'.repeat(400)}1`,
      `-${'9'.repeat(99)}`,
    ];
    const { key } = await store.deviceWith([]);
    for (const [i, number] of texts.entries()) {
      const parsed = parseRecord(Buffer.from(`{"temp":${number}}`));
      if (typeof parsed === 'string') throw new Error(parsed);
      await store.client.sql`
        insert into telemetry (device, at, received, data)
        values (${key}, ${iso(FROM + i)}, ${iso(FROM + i)}, ${parsed.text}::text::jsonb)`;
    }
    expect((await buckets(key, 'records'))[0]?.count).toBe(texts.length);
  });
});

describe('numbers that no double holds, from a database that was restored', () => {
  const TOO_LARGE = [`1${'0'.repeat(400)}`, '-1e400', '1e309'];
  const TOO_SMALL = ['1e-400', '-1e-330'];

  test('are left out, or 0, and keep no other value from being drawn', async () => {
    const { key, id } = await store.deviceWith([{ atMs: FROM, body: { temp: 20 } }]);
    for (const [i, number] of [...TOO_LARGE, ...TOO_SMALL, '5e-324', '1.7976931348623157e308'].entries()) {
      await store.client.sql`
        insert into telemetry (device, at, received, data)
        values (${key}, ${iso(FROM + 1 + i)}, ${iso(FROM + 1 + i)}, ${`{"temp":${number}}`}::text::jsonb)`;
    }
    const drawn = (await buckets(key, 'records'))[0];
    expect([drawn?.count, drawn?.min.value, drawn?.max.value]).toEqual([5, 0, Number.MAX_VALUE]);
    expect(await buckets(key, 'rollups')).toEqual(drawn ? [drawn] : []);
    await rollUp(store.client.db, TO, signal);
    expect(await marks()).toBe(0);
    expect(await buckets(key, 'rollups')).toEqual(drawn ? [drawn] : []);
    const samples = await readSamples(store.client.db, { deviceId: id, fromMs: FROM }, 'temp', 100);
    expect(samples.map(({ value }) => value)).toEqual([20, 0, 0, 5e-324, Number.MAX_VALUE]);
  });
});

describe('long names', () => {
  test('stay in the record and are no fields', async () => {
    const longest = noise(200, 0x1f300);
    const tooLong = noise(201, 0x4e00);
    const body = {
      temp: 1,
      [longest]: 2,
      [tooLong]: 3,
      [noise(1_300, 0x4e00)]: 4,
      [noise(3_000, 0x21)]: 'text',
    };
    const { key } = await store.deviceWith([{ atMs: FROM, body }]);
    const other = await store.deviceWith([{ atMs: FROM, body: { temp: 1 } }]);
    const names = async () => (await readFields(store.client.db, key)).map(({ name }) => name).sort();
    expect(await names()).toEqual(['temp', longest].sort());
    await rollUp(store.client.db, TO, signal);
    expect(await marks()).toBe(0);
    expect(await names()).toEqual(['temp', longest].sort());
    const rows = await store.client.sql<{ field: string }[]>`
      select field from telemetry_rollups where device = ${key}`;
    expect(rows.map(({ field }) => field).sort()).toEqual(['temp', longest].sort());
    expect(await buckets(other.key, 'rollups')).toHaveLength(1);
    const [record] = await store.client.sql`select data from telemetry where device = ${key}`;
    expect(record?.data).toEqual(body);
  });
});

test.each(['records', 'rollups'] as const)(
  'as many fields as are listed can be drawn at once (%s)',
  async (source) => {
    const names = Array.from({ length: 200 }, (_, i) => `f${i}`);
    const { key } = await store.deviceWith([
      { atMs: FROM, body: Object.fromEntries(names.map((name, i) => [name, i])) },
    ]);
    await rollUp(store.client.db, TO, signal);
    const found = await buckets(key, source, names);
    expect(found.map(({ field, mean }) => `${field} ${mean}`).sort()).toEqual(
      names.map((name, i) => `${name} ${i}`).sort(),
    );
  },
);

describe('an hour that cannot be rolled up', () => {
  beforeAll(async () => {
    await store.client.sql`alter table telemetry_rollups add constraint poison check (max <> -273.16)`;
  });

  function poison(key: number, atMs: number): Promise<void> {
    return store.add(key, [{ atMs, body: { temp: -273.16, cold: -273.16 } }]);
  }

  test('holds up no other one, is named in the log, and is tried again an hour later', async () => {
    const bad = await store.deviceWith([
      { atMs: FROM + 1, body: { temp: 1 } },
      { atMs: FROM + 5 * HOUR, body: { temp: 2 } },
    ]);
    await poison(bad.key, FROM);
    // More hours than one transaction takes.
    const good = await store.deviceWith(
      Array.from({ length: 230 }, (_, i) => ({ atMs: FROM + i * HOUR, body: { temp: i } })),
    );
    const { log, lines } = recordingLog();
    const clock = manualClock(TO);
    const maintenance = maintain(log, clock);
    await maintenance.run();
    const rolledUp = async (key: number) => {
      const rows = await store.client.sql<{ hour: string }[]>`
        select hour from telemetry_rollups where device = ${key} order by hour`;
      return rows.map(({ hour }) => (new Date(hour).getTime() - FROM) / HOUR);
    };
    expect(await rolledUp(good.key)).toEqual(Array.from({ length: 230 }, (_, i) => i));
    expect(await rolledUp(bad.key)).toEqual([5]);
    expect(await marks()).toBe(1);
    const failures = () =>
      lines.filter(({ msg }) => msg.includes('cannot be rolled up') && msg.includes('an hour c'));
    expect(failures()).toMatchObject([
      { deviceId: bad.id, hour: iso(FROM), err: { cause: { code: '23514' } } },
    ]);

    await store.add(good.key, [{ atMs: FROM + HOUR, body: { temp: 1_000 } }]);
    for (let run = 1; run < 60; run++) await maintenance.run();
    expect(failures()).toHaveLength(1);
    expect(await marks()).toBe(1);
    await store.client.sql`delete from telemetry where device = ${bad.key} and at = ${iso(FROM)}`;
    await maintenance.run();
    expect(await rolledUp(bad.key)).toEqual([0, 5]);
    expect(await marks()).toBe(0);
    await maintenance.close();
  }, 60_000);

  test('does not keep expired days from being dropped, nor does a failure of all rollups', async () => {
    const { key } = await store.deviceWith([{ atMs: FROM + 9 * DAY, body: { temp: 1 } }]);
    await poison(key, FROM + 9 * DAY);
    const days = async () => (await listPartitions(store.client.sql, TELEMETRY)).map(({ fromMs }) => fromMs);
    const { log, lines } = recordingLog();
    const clock = manualClock(FROM + 32 * DAY);
    const maintenance = maintain(log, clock);
    await maintenance.run();
    expect((await days())[0]).toBe(FROM + 2 * DAY);

    await store.deviceWith([{ atMs: FROM + 9 * DAY, body: { temp: 1 } }]);
    await store.client.sql`alter table telemetry_fields rename to telemetry_fields_away`;
    clock.advance(DAY);
    await maintenance.run();
    await store.client.sql`alter table telemetry_fields_away rename to telemetry_fields`;
    expect((await days())[0]).toBe(FROM + 3 * DAY);
    expect(lines.at(-1)).toMatchObject({ msg: 'telemetry maintenance is tried again later' });
    await maintenance.close();
  }, 60_000);

  function maintain(log: ReturnType<typeof recordingLog>['log'], clock: ReturnType<typeof manualClock>) {
    const retention = { telemetrySeconds: (30 * DAY) / 1_000, rollupSeconds: (365 * DAY) / 1_000 };
    return createMaintenance({ database: store.client, clock, log, retention, holder: 'test' });
  }
});
