import { type SQL, sql } from 'drizzle-orm';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Database, Queryable } from '../../platform/db/client.ts';
import { claimMarks } from '../../platform/fenced-lease.ts';
import { INGEST_LEASE } from '../ingest/ingest.ts';

/** Fields of a device that are rolled up and listed; a device that makes up names cannot fill the database with them. */
const MAX_FIELDS = 200;
/** An hour is rolled up this long after its end: most of what belongs to it has arrived by then. */
const SETTLE_MS = 120_000;
const HOUR_MS = 3_600_000;
const HOURS_PER_TRANSACTION = 200;

/** Names of a record that are not measurements (docs/protocol.md, section 4). */
export const RESERVED_FIELDS = ['b', 'n', 'ts'] as const;
const reserved = sql`${arrayLiteral([...RESERVED_FIELDS])}::text[]`;

/**
 * Rolls up the hours that are over and were marked. Marks are claimed first, in a transaction that waits for those of the
 * ingest: what arrives for an hour while it is rolled up marks it again.
 *
 * @returns how many hours of devices were rolled up.
 */
export async function rollUp(db: Database, nowMs: number, signal: AbortSignal): Promise<number> {
  const before = new Date(Math.floor((nowMs - SETTLE_MS) / HOUR_MS) * HOUR_MS).toISOString();
  await db.transaction(async (tx) => {
    await claimMarks(tx, INGEST_LEASE);
    await tx.execute(sql`
      with claimed as (
        delete from telemetry_dirty_hours where not claimed and hour < ${before}::timestamptz returning device, hour
      )
      insert into telemetry_dirty_hours (device, hour, claimed) select device, hour, true from claimed
      on conflict do nothing`);
  });
  for (let done = 0; ; ) {
    signal.throwIfAborted();
    const count = await rollUpClaimed(db);
    done += count;
    if (count < HOURS_PER_TRANSACTION) return done;
  }
}

/** Makes the rollups of some claimed hours from what is stored. */
async function rollUpClaimed(db: Database): Promise<number> {
  return await db.transaction(async (tx) => {
    const hours = await tx.execute<{ device: number; ms: string }>(sql`
      with taken as (
        select device, hour from telemetry_dirty_hours where claimed
        order by hour, device limit ${HOURS_PER_TRANSACTION} for update skip locked
      )
      delete from telemetry_dirty_hours as dirty using taken
      where dirty.device = taken.device and dirty.hour = taken.hour and dirty.claimed
      returning dirty.device, (extract(epoch from dirty.hour) * 1000)::bigint as ms`);
    if (hours.length === 0) return 0;
    const taken = sql`unnest(
      ${arrayLiteral(hours.map(({ device }) => device))}::int[],
      ${arrayLiteral(hours.map(({ ms }) => Number(ms)))}::bigint[]) as marked (device, ms)`;
    const wanted = sql`(select device, timestamptz 'epoch' + ms * interval '1 millisecond' as hour from ${taken})`;
    const records = recordsOfHour(hours.map(({ ms }) => Number(ms)));
    await writeRollups(tx, wanted, records);
    await writeFields(tx, wanted, records);
    return hours.length;
  });
}

/**
 * By the index, hour by hour: `offset 0` keeps the planner from joining whole partitions, and the range of all the hours from
 * opening those outside of it.
 */
function recordsOfHour(hoursMs: readonly number[]): SQL {
  const from = new Date(Math.min(...hoursMs)).toISOString();
  const to = new Date(Math.max(...hoursMs) + HOUR_MS).toISOString();
  return sql`(
    select at, received, data from telemetry
    where device = wanted.device and at >= ${from}::timestamptz and at < ${to}::timestamptz
      and at >= wanted.hour and at < wanted.hour + interval '1 hour' offset 0)`;
}

async function writeRollups(tx: Queryable, wanted: SQL, records: SQL): Promise<void> {
  await tx.execute(sql`
    delete from telemetry_rollups as old using ${wanted} as wanted
    where old.device = wanted.device and old.hour = wanted.hour`);
  // The extremes first and then the points that are one, as in `recordBuckets`; of points of one time the order of receipt counts.
  await tx.execute(sql`
    with point as materialized (
      select wanted.device, wanted.hour, entry.key as field, (entry.value)::float8 as value,
        date_part('epoch', record.at - wanted.hour) * 1000 as ms,
        date_part('epoch', record.received) as received
      from ${wanted} as wanted
      cross join lateral ${records} as record
      cross join lateral jsonb_each(record.data) as entry
      where jsonb_typeof(entry.value) = 'number' and entry.key <> all (${reserved})
    ),
    hourly as (
      select device, hour, field, count(*)::int as n, sum(value) as sum, min(value) as lowest, max(value) as highest,
        min(ms) as earliest, max(ms) as latest,
        row_number() over (partition by device, hour order by count(*) desc, field) as rank
      from point group by device, hour, field
    )
    insert into telemetry_rollups
      (device, field, hour, n, sum, min, min_ms, max, max_ms, first, first_ms, last, last_ms)
    select device, field, hour, n, sum, lowest, (min(ms) filter (where value = lowest))::int,
      highest, (min(ms) filter (where value = highest))::int,
      (min(array[received, value]) filter (where ms = earliest))[2], earliest::int,
      (max(array[received, value]) filter (where ms = latest))[2], latest::int
    from hourly join point using (device, hour, field)
    where rank <= ${MAX_FIELDS} and (value in (lowest, highest) or ms in (earliest, latest))
    group by device, hour, field, n, sum, lowest, highest, earliest, latest`);
}

/** Notes the fields that were sent, their kind, and the newest value of each. */
async function writeFields(tx: Queryable, wanted: SQL, records: SQL): Promise<void> {
  await tx.execute(sql`
    with entry as (
      select distinct on (wanted.device, entry.key)
        wanted.device, entry.key as field, jsonb_typeof(entry.value) as kind, record.at, entry.value
      from ${wanted} as wanted
      cross join lateral ${records} as record
      cross join lateral jsonb_each(record.data) as entry
      where entry.key <> all (${reserved}) and jsonb_typeof(entry.value) <> 'null'
      order by wanted.device, entry.key, record.at desc, record.received desc
    ),
    ranked as (
      select entry.*, row_number() over (partition by entry.device order by known.field is null, entry.field)
        + (select count(*) from telemetry_fields as other where other.device = entry.device) as rank,
        known.field is not null as known
      from entry left join telemetry_fields as known
        on known.device = entry.device and known.field = entry.field
    )
    insert into telemetry_fields as known (device, field, kind, last_at, last)
    select device, field, kind, at, value from ranked where known or rank <= ${MAX_FIELDS}
    on conflict (device, field) do update
      set kind = excluded.kind, last_at = excluded.last_at, last = excluded.last
      where known.last_at <= excluded.last_at`);
}
