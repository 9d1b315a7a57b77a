import { type SQL, sql } from 'drizzle-orm';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { isDouble, toDoubleIfAny } from '../../platform/db/json-double.ts';
import { isField, MAX_FIELDS, sumOfValues } from './fields.ts';

/** An hour of a device, by its small key; Unix milliseconds. */
export interface DeviceHour {
  readonly device: number;
  readonly ms: number;
}

const HOUR_MS = 3_600_000;

/** Makes the rollups of hours from what is stored, and notes the fields that were sent in them. */
export async function writeHours(tx: Queryable, hours: readonly DeviceHour[]): Promise<void> {
  if (hours.length === 0) return;
  const wanted = sql`(${hourTable(hours)})`;
  const records = recordsOfHour(hours.map(({ ms }) => ms));
  await writeRollups(tx, wanted, records);
  await writeFields(tx, wanted, records);
}

/** Hours as a query of `device` and `hour`. */
export function hourTable(hours: readonly DeviceHour[]): SQL {
  return sql`
    select device, timestamptz 'epoch' + ms * interval '1 millisecond' as hour
    from unnest(
      ${arrayLiteral(hours.map(({ device }) => device))}::int[],
      ${arrayLiteral(hours.map(({ ms }) => ms))}::bigint[]) as marked (device, ms)`;
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
      select wanted.device, wanted.hour, entry.key as field, ${toDoubleIfAny(sql`entry.value`)} as value,
        date_part('epoch', record.at - wanted.hour) * 1000 as ms,
        date_part('epoch', record.received) as received
      from ${wanted} as wanted
      cross join lateral ${records} as record
      cross join lateral jsonb_each(record.data) as entry
      where ${isDouble(sql`entry.value`)} and ${isField(sql`entry.key`)}
    ),
    hourly as (
      select device, hour, field, count(*)::int as n, ${sumOfValues(sql`value`)} as sum, min(value) as lowest, max(value) as highest,
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
      where ${isField(sql`entry.key`)} and jsonb_typeof(entry.value) <> 'null'
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
