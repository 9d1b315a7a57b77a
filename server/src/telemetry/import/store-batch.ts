import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { INGEST_LEASE } from '../ingest/ingest.ts';
import { markDirtyHours } from '../ingest/write-batch.ts';
import { makePartitions, ROLLUPS, TELEMETRY } from '../store/partitions.ts';
import type { ImportedRecord } from './lines.ts';

const DAY_US = 86_400_000_000;
const HOUR_US = 3_600_000_000;
const ATTEMPTS = 4;

/** Makes the partitions of the days of records, but for those of `made`, which it adds to. */
export async function makeDays(
  client: postgres.Sql,
  records: readonly ImportedRecord[],
  made: Set<number>,
): Promise<void> {
  const days = new Set(records.map(({ atUs }) => Math.floor(atUs / DAY_US)));
  for (const [first, last] of runsOf([...days].filter((day) => !made.has(day)))) {
    const [fromMs, toMs] = [(first * DAY_US) / 1_000, (last * DAY_US) / 1_000];
    // Other statements may hold the table for longer than the DDL waits.
    await tried(() => makePartitions(client, TELEMETRY, fromMs, toMs));
    await tried(() => makePartitions(client, ROLLUPS, fromMs, toMs));
    for (let day = first; day <= last; day++) made.add(day);
  }
}

/** First and last of days that follow one another: which partitions there are is read once for them. */
function runsOf(days: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = [];
  for (const day of days.toSorted((one, other) => one - other)) {
    const run = runs.at(-1);
    if (run && run[1] + 1 === day) run[1] = day;
    else runs.push([day, day]);
  }
  return runs;
}

async function tried(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/**
 * Stores those records of a device that are not stored yet with the same time and data, counts them, and has the rollups of
 * their hours made again. Call it in a transaction.
 *
 * @returns how many were stored.
 */
export async function storeImported(
  tx: Queryable,
  device: number,
  records: readonly ImportedRecord[],
): Promise<number> {
  // Marks are claimed in a transaction that waits for this lock: those made here are seen by it or not claimed by it.
  await tx.execute(sql`select from leases where name = ${INGEST_LEASE} for share`);
  // Two imports of one device at the same time would not see each other's records.
  await tx.execute(sql`select pg_advisory_xact_lock(hashtext('telemetry-import'), ${device})`);
  const stored = await insertNew(tx, device, records);
  await tx.execute(sql`update telemetry_devices set stored = stored + ${stored} where key = ${device}`);
  const hours = new Set(records.map(({ atUs }) => Math.floor(atUs / HOUR_US)));
  await markDirtyHours(
    tx,
    [...hours].map((hour) => ({ device, hourMs: (hour * HOUR_US) / 1_000 })),
  );
  return stored;
}

/** The time of receipt tells records of the same time apart: one that is taken is moved on by a microsecond. */
async function insertNew(tx: Queryable, device: number, records: readonly ImportedRecord[]): Promise<number> {
  const times = records.map(({ atUs }) => Math.floor(atUs / 1_000));
  const from = new Date(Math.min(...times)).toISOString();
  const to = new Date(Math.max(...times) + 1).toISOString();
  const [row] = await tx.execute<{ n: string }>(sql`
    with given as (
      select timestamptz 'epoch' + at * interval '1 microsecond' as at,
        timestamptz 'epoch' + received * interval '1 microsecond' as received, data::jsonb as data, position
      from unnest(
        ${arrayLiteral(records.map(({ atUs }) => atUs))}::bigint[],
        ${arrayLiteral(records.map(({ receivedUs }) => receivedUs))}::bigint[],
        ${arrayLiteral(records.map(({ text }) => text))}::text[]
      ) with ordinality as record (at, received, data, position)
    ), once as (
      select distinct on (at, data) * from given order by at, data, position
    ), missing as (
      select once.*, known.last, row_number() over (partition by at, received order by position) - 1 as later
      from once cross join lateral (
        select bool_or(stored.data = once.data) as same,
          max(stored.received) filter (where stored.received >= once.received) as last
        from telemetry as stored
        where stored.device = ${device} and stored.at = once.at
          and stored.at >= ${from}::timestamptz and stored.at < ${to}::timestamptz
      ) as known
      where known.same is not true
    ), added as (
      insert into telemetry (device, at, received, data)
      select ${device}, at, coalesce(last + interval '1 microsecond', received) + later * interval '1 microsecond', data
      from missing order by position
      returning 1
    )
    select count(*) as n from added`);
  return Number(row?.n ?? 0);
}
