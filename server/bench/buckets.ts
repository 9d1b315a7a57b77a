import { sql } from 'drizzle-orm';
import { MIGRATIONS_FOLDER } from '../dev/stack.ts';
import { type DatabaseClient, openDatabase } from '../src/platform/db/client.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { findOrMakeKeys } from '../src/telemetry/ingest/device-state.ts';
import { readBuckets } from '../src/telemetry/query/read-buckets.ts';
import { makePartitions, ROLLUPS, TELEMETRY } from '../src/telemetry/store/partitions.ts';
import { rollUp } from '../src/telemetry/store/rollups.ts';
import { heading, report, writeLine } from './report.ts';
import { median } from './rounds.ts';

const ROWS = 1_000_000;
const DAY_MS = 86_400_000;
const DAYS = 60;
const TO = Date.UTC(2026, 2, 1);
const FROM = TO - DAYS * DAY_MS;
const ROUNDS = 5;
const ROLLUP_AIM_MS = 100;

/** Sixty days of one device in buckets of six hours: from records, and from hourly rollups. */
export async function benchBuckets(databaseUrl: string): Promise<void> {
  heading(`buckets: ${ROWS.toLocaleString('en')} records of one device, ${DAYS * 4} buckets of 6 h`);
  const database = openDatabase(databaseUrl);
  try {
    await migrate(database.sql, MIGRATIONS_FOLDER);
    const device = await fill(database);
    const query = { device, fields: ['temp'], fromMs: FROM, toMs: TO, interval: '6h', zone: 'UTC' } as const;
    await database.unlimited(async (client, db) => {
      const floor: number[] = [];
      const subject: number[] = [];
      for (let round = 0; round <= ROUNDS; round++) {
        floor.push(1_000 / (await timed(() => client.unsafe(plainQuery(device)))));
        subject.push(1_000 / (await timed(() => readBuckets(db, { ...query, source: 'records' }))));
      }
      report(
        { name: 'from records, queries/s', floor: floor.slice(1), subject: subject.slice(1) },
        { atLeast: 0.8 },
      );
      const rolled: number[] = [];
      for (let round = 0; round <= ROUNDS; round++) {
        rolled.push(await timed(() => readBuckets(db, { ...query, source: 'rollups' })));
      }
      const ms = median(rolled.slice(1));
      const verdict = ms < ROLLUP_AIM_MS ? 'met' : 'missed';
      writeLine(`from rollups                 ${ms.toFixed(1)} ms   aim < ${ROLLUP_AIM_MS} ms: ${verdict}`);
    });
    writeLine('floor: mean, least and greatest value in the same buckets, without their times');
  } finally {
    await database.close(1_000);
  }
}

async function fill(database: DatabaseClient): Promise<number> {
  const [made] = await findOrMakeKeys(database.db, [crypto.randomUUID()]);
  const device = made?.key ?? 0;
  await makePartitions(database.sql, TELEMETRY, FROM, TO);
  await makePartitions(database.sql, ROLLUPS, FROM, TO);
  await database.unlimited(async (_, db) => {
    await db.execute(sql`
      insert into telemetry (device, at, received, data)
      select ${device}::int, at, at, jsonb_build_object('temp', round((20 + 5 * sin(i / 700.0))::numeric, 2), 'hum', i % 100)
      from (select i, timestamptz 'epoch' + (${FROM}::float8 + i * ${(DAYS * DAY_MS) / ROWS}::float8) * interval '1 millisecond' as at
        from generate_series(0, ${ROWS - 1}) as i) as row`);
    await db.execute(sql`
      insert into telemetry_dirty_hours (device, hour)
      select distinct device, date_trunc('hour', at, 'UTC') from telemetry where device = ${device}`);
    await db.execute(sql`analyze telemetry`);
    const startedAt = performance.now();
    const hours = await rollUp(db, TO + DAY_MS, new AbortController().signal);
    writeLine(`rolled up ${hours} hours in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  });
  return device;
}

/** What one would write by hand. */
function plainQuery(device: number): string {
  return `
    select date_bin('6 hours', at at time zone 'UTC', timestamp '2001-01-01') as bucket, count(*), avg((data -> 'temp')::float8),
      min((data -> 'temp')::float8), max((data -> 'temp')::float8)
    from telemetry where device = ${device}
      and at >= '${new Date(FROM).toISOString()}' and at < '${new Date(TO).toISOString()}'
      and jsonb_typeof(data -> 'temp') = 'number'
    group by 1 order by 1`;
}

async function timed(work: () => PromiseLike<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
