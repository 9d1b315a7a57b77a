import { type SQL, sql } from 'drizzle-orm';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import { boundedValue, sumOfHours } from '../store/fields.ts';
import { type BucketQuery, bucketOf, bucketStart, isNumber, numberOf, time } from './bucket-query.ts';

const HOUR_MS = 3_600_000;

/**
 * Buckets made of hourly rollups where there are any, and of records for the rest. As with records, the extremes are found
 * first and then the rollups that hold one.
 */
export function rollupBuckets(query: BucketQuery): SQL {
  return sql`
    with rollup as materialized (
      select *, ${bucketOf(query, sql`at`)} as bucket from (${hoursAndRest(query)}) as measured
    ),
    extreme as (
      select field, bucket, sum(n) as total, ${sumOfHours(sql`sum`)} as whole, min(min) as least, max(max) as greatest,
        min(first_ms) as earliest, max(last_ms) as latest
      from rollup group by field, bucket
    )
    select field, date_part('epoch', bucket) as bucket, ${bucketStart(query, sql`bucket`, sql`earliest`)} as start,
      total as n, whole as sum,
      least, min(min_ms) filter (where min = least) as least_ms,
      greatest, min(max_ms) filter (where max = greatest) as greatest_ms,
      earliest as first_ms, min(first) filter (where first_ms = earliest) as first,
      latest as last_ms, max(last) filter (where last_ms = latest) as last
    from extreme join rollup using (field, bucket)
    where min = least or max = greatest or first_ms = earliest or last_ms = latest
    group by field, bucket, total, whole, least, greatest, earliest, latest
    order by field, bucket`;
}

/** Rollups of the hours that lie within the range and are up to date; records for the others and for both ends. */
function hoursAndRest(query: BucketQuery): SQL {
  const { device, fields, fromMs, toMs } = query;
  const firstHour = Math.min(Math.ceil(fromMs / HOUR_MS) * HOUR_MS, toMs);
  const endOfHours = Math.max(Math.floor(toMs / HOUR_MS) * HOUR_MS, firstHour);
  const stale = sql`
    select distinct hour from telemetry_dirty_hours
    where device = ${device} and hour >= ${time(firstHour)} and hour < ${time(endOfHours)}`;
  const ms = (column: string) => sql`date_part('epoch', hour) * 1000 + ${sql.identifier(column)}`;
  const parts = sql`
    select ${time(fromMs)} as lower, ${time(firstHour)} as upper
    union all select ${time(endOfHours)}, ${time(toMs)}
    union all select hour, hour + interval '1 hour' from (${stale}) as stale`;
  return sql`
    select field, hour as at, n, sum, min, ${ms('min_ms')} as min_ms, max, ${ms('max_ms')} as max_ms,
      ${ms('first_ms')} as first_ms, first, ${ms('last_ms')} as last_ms, last
    from telemetry_rollups
    where device = ${device} and field = any(${arrayLiteral(fields)}::text[])
      and hour >= ${time(firstHour)} and hour < ${time(endOfHours)} and hour not in (${stale})
    union all
    select field, at, 1, ${boundedValue(sql`value`)}, value, ms, value, ms, ms, value, ms, value from (${valuesOf(query, parts)}) as rest`;
}

/**
 * Values of the records of parts of the range, with their times. By the index, part by part: `offset 0` keeps the planner from
 * scanning whole partitions, the range from opening all of them.
 */
function valuesOf(query: BucketQuery, parts: SQL): SQL {
  const { device, fields, fromMs, toMs } = query;
  const value = sql`(record.data -> wanted.field)`;
  return sql`
    select field, at, value, ms
    from (${parts}) as part
    cross join lateral (
      select at, data from telemetry
      where device = ${device} and at >= ${time(fromMs)} and at < ${time(toMs)}
        and at >= part.lower and at < part.upper offset 0
    ) as record
    cross join unnest(${arrayLiteral(fields)}::text[]) as wanted (field)
    cross join lateral (
      select ${numberOf(query, value)} as value, date_part('epoch', record.at) * 1000 as ms
      where ${isNumber(query, value)}
    ) as value`;
}
