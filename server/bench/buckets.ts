import { sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { systemClock } from '../src/platform/clock.ts';
import { type DatabaseClient, openDatabase } from '../src/platform/db/client.ts';
import { findOrMakeKeys } from '../src/telemetry/ingest/device-state.ts';
import { bucketStatement } from '../src/telemetry/query/read-buckets.ts';
import { makePartitions, ROLLUPS, TELEMETRY } from '../src/telemetry/store/partitions.ts';
import { rollUp } from '../src/telemetry/store/rollups.ts';
import { openApiSession } from './api-session.ts';
import { heading, rateRow, report, writeLine } from './report.ts';
import { alternate, median } from './rounds.ts';
import { startSubject } from './stack.ts';

const ROWS = 1_000_000;
const DAY_MS = 86_400_000;
const DAYS = 60;
const ROUNDS = 5;
const ROLLUP_AIM_MS = 100;
const ROLLUPS_ZONE = 'UTC';
/** Hours of this zone are not those of UTC, so that its buckets are made of records. */
const RECORDS_ZONE = 'Asia/Kolkata';

const bucketAnswer = z.object({ source: z.string() });

/** Sixty days of one device in buckets of six hours, asked over HTTP: from records, and from hourly rollups. */
export async function benchBuckets(databaseUrl: string): Promise<void> {
  heading(`buckets: ${ROWS.toLocaleString('en')} records of one device, ${DAYS * 4} buckets of 6 h`);
  // The days before today: what is older than the retention is dropped.
  const toMs = Math.floor(systemClock.now() / DAY_MS) * DAY_MS;
  const times = { fromMs: toMs - DAYS * DAY_MS, toMs };
  const database = openDatabase(databaseUrl);
  const subject = await startSubject({ databaseUrl });
  try {
    const { uuid, device } = await fill(database, times);
    const call = await openApiSession(subject.port);
    const ask = async (zone: string, source: string) => {
      const from = new Date(times.fromMs).toISOString();
      const to = new Date(times.toMs).toISOString();
      const query = new URLSearchParams({ from, to, fields: 'temp', interval: '6h', zone });
      const found = bucketAnswer.parse(await call('GET', `/devices/${uuid}/telemetry?${query}`));
      if (found.source !== source) throw new Error(`the buckets come from ${found.source}`);
    };
    const query = { ...times, device, fields: ['temp'], interval: '6h', zone: RECORDS_ZONE } as const;
    const statement = new PgDialect().sqlToQuery(bucketStatement({ ...query, source: 'records' }));
    await database.unlimited(async (client) => {
      const ended = await alternate(
        ROUNDS,
        () => timed(() => client.unsafe(statement.sql, statement.params as string[])),
        () => timed(() => ask(RECORDS_ZONE, 'records')),
      );
      const rates = rateRow('from records, queries/s', ended, (ms) => 1_000 / ms);
      report(rates, { atLeast: 0.8 });
    });
    const rolled: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      rolled.push(await timed(() => ask(ROLLUPS_ZONE, 'rollups')));
    }
    const ms = median(rolled.slice(1));
    const verdict = ms < ROLLUP_AIM_MS ? 'met' : 'missed';
    writeLine(`from rollups                 ${ms.toFixed(1)} ms   aim < ${ROLLUP_AIM_MS} ms: ${verdict}`);
    writeLine('floor: the same statement, sent to the database by itself');
  } finally {
    await subject.child.stop();
    await database.close(1_000);
  }
}

async function fill(
  database: DatabaseClient,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<{ readonly uuid: string; readonly device: number }> {
  const uuid = crypto.randomUUID();
  const [made] = await findOrMakeKeys(database.db, [uuid]);
  const device = made?.key ?? 0;
  await makePartitions(database.sql, TELEMETRY, fromMs, toMs);
  await makePartitions(database.sql, ROLLUPS, fromMs, toMs);
  await database.unlimited(async (_, db) => {
    await db.execute(sql`
      insert into telemetry (device, at, received, data)
      select ${device}::int, at, at, jsonb_build_object('temp', round((20 + 5 * sin(i / 700.0))::numeric, 2), 'hum', i % 100)
      from (select i, timestamptz 'epoch' + (${fromMs}::float8 + i * ${(toMs - fromMs) / ROWS}::float8) * interval '1 millisecond' as at
        from generate_series(0, ${ROWS - 1}) as i) as row`);
    await db.execute(sql`
      insert into telemetry_dirty_hours (device, hour)
      select distinct device, date_trunc('hour', at, 'UTC') from telemetry where device = ${device}`);
    await db.execute(sql`analyze telemetry`);
    const startedAt = performance.now();
    const hours = await rollUp(db, toMs + DAY_MS, new AbortController().signal);
    writeLine(`rolled up ${hours} hours in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  });
  return { uuid, device };
}

async function timed(work: () => PromiseLike<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
