import { type SQL, sql } from 'drizzle-orm';
import { INTERVALS, type Interval } from '../../../contract/api/telemetry.ts';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { instantOf } from '../../platform/db/local-time.ts';

export interface BucketQuery {
  /** The device's small key. */
  readonly device: number;
  readonly fields: readonly string[];
  readonly fromMs: number;
  /** Not included. */
  readonly toMs: number;
  readonly interval: Interval;
  /** The zone whose clock the buckets follow, of the IANA database. */
  readonly zone: string;
  readonly source: 'records' | 'rollups';
}

/** A value and when it was measured, Unix milliseconds. */
export interface Measured {
  readonly value: number;
  readonly atMs: number;
}

export interface Bucket {
  readonly field: string;
  /** When it begins, Unix milliseconds. */
  readonly startMs: number;
  readonly count: number;
  readonly mean: number;
  readonly min: Measured;
  readonly max: Measured;
  readonly first: Measured;
  readonly last: Measured;
}

const HOUR_MS = 3_600_000;
const LONGEST_STATIC_SECONDS = 3_600;

interface BucketRow extends Record<string, unknown> {
  readonly field: string;
  readonly start: number;
  readonly n: string;
  readonly sum: number;
  readonly least: number;
  readonly least_ms: number;
  readonly greatest: number;
  readonly greatest_ms: number;
  readonly first_ms: number;
  readonly first: number;
  readonly last_ms: number;
  readonly last: number;
}

/** What a point contributes to its bucket, as columns; times are Unix milliseconds. */
interface PointColumns {
  readonly n: SQL;
  readonly sum: SQL;
  readonly least: SQL;
  readonly leastMs: SQL;
  readonly greatest: SQL;
  readonly greatestMs: SQL;
  readonly firstMs: SQL;
  readonly first: SQL;
  readonly lastMs: SQL;
  readonly last: SQL;
}

/** Of a record's value, which is a bucket of one. */
const OF_VALUE: PointColumns = {
  n: sql`1`,
  sum: sql`value`,
  least: sql`value`,
  leastMs: sql`ms`,
  greatest: sql`value`,
  greatestMs: sql`ms`,
  firstMs: sql`ms`,
  first: sql`value`,
  lastMs: sql`ms`,
  last: sql`value`,
};
const OF_ROLLUP: PointColumns = {
  n: sql`n`,
  sum: sql`sum`,
  least: sql`min`,
  leastMs: sql`min_ms`,
  greatest: sql`max`,
  greatestMs: sql`max_ms`,
  firstMs: sql`first_ms`,
  first: sql`first`,
  lastMs: sql`last_ms`,
  last: sql`last`,
};

/** Numeric fields of a device in buckets, by field and time; only buckets that hold a value. */
export async function readBuckets(db: Queryable, query: BucketQuery): Promise<Bucket[]> {
  if (query.fields.length === 0) return [];
  const rows = await db.execute<BucketRow>(bucketStatement(query));
  return rows.map(toBucket);
}

/**
 * Finds the extremes of each bucket, and then the points that are an extreme: aggregates over pairs of value and time
 * take three times as long.
 */
export function bucketStatement(query: BucketQuery): SQL {
  const [points, of] =
    query.source === 'rollups'
      ? [hoursAndRest(query), OF_ROLLUP]
      : [valuesOf(query, recordsOfRange(query)), OF_VALUE];
  return sql`
    with point as materialized (
      select *, ${bucketOf(query, sql`at`)} as bucket from (${points}) as measured
    ),
    extreme as (
      select field, bucket, sum(${of.n}) as total, sum(${of.sum}) as whole, min(${of.least}) as lowest,
        max(${of.greatest}) as highest, min(${of.firstMs}) as earliest, max(${of.lastMs}) as latest
      from point group by field, bucket
    )
    select field,
      extract(epoch from least(${bucketStart(query, sql`bucket`)}, timestamptz 'epoch' + earliest * interval '1 millisecond'))::float8 * 1000 as start,
      total as n, whole as sum,
      lowest as least, min(${of.leastMs}) filter (where ${of.least} = lowest) as least_ms,
      highest as greatest, min(${of.greatestMs}) filter (where ${of.greatest} = highest) as greatest_ms,
      earliest as first_ms, min(${of.first}) filter (where ${of.firstMs} = earliest) as first,
      latest as last_ms, max(${of.last}) filter (where ${of.lastMs} = latest) as last
    from extreme join point using (field, bucket)
    where ${of.least} = lowest or ${of.greatest} = highest or ${of.firstMs} = earliest or ${of.lastMs} = latest
    group by field, bucket, total, whole, lowest, highest, earliest, latest
    order by field, bucket`;
}

/** The bucket that a time belongs to, in a form that it can be grouped by. */
function bucketOf(query: BucketQuery, at: SQL): SQL {
  const width = sql`${INTERVALS[query.interval]} * interval '1 second'`;
  return followsLocalClock(query)
    ? sql`date_bin(${width}, ${at} at time zone ${query.zone}, timestamp '2001-01-01')`
    : sql`date_bin(${width}, ${at}, ${localMidnight(query)})`;
}

function bucketStart(query: BucketQuery, bucket: SQL): SQL {
  return followsLocalClock(query) ? instantOf(bucket, query.zone) : bucket;
}

/**
 * Days and parts of a day follow the clock on the wall, so that one is shorter or longer when it is changed. Buckets of an
 * hour or less do not: the hour that comes twice stays two.
 */
function followsLocalClock({ interval }: BucketQuery): boolean {
  return INTERVALS[interval] > LONGEST_STATIC_SECONDS;
}

function localMidnight({ fromMs, zone }: BucketQuery): SQL {
  return sql`(date_trunc('day', ${time(fromMs)} at time zone ${zone}) at time zone ${zone})`;
}

function recordsOfRange({ device, fromMs, toMs }: BucketQuery): SQL {
  return sql`telemetry as record where record.device = ${device} and record.at >= ${time(fromMs)} and record.at < ${time(toMs)}`;
}

/** By the index, part by part: `offset 0` keeps the planner from scanning whole partitions, the range from opening all of them. */
function recordsOfParts({ device, fromMs, toMs }: BucketQuery, parts: SQL): SQL {
  return sql`${parts} cross join lateral (
    select at, data from telemetry
    where device = ${device} and at >= ${time(fromMs)} and at < ${time(toMs)}
      and at >= part.lower and at < part.upper offset 0
  ) as record`;
}

/**
 * Values of records with their times, once as a time and once as Unix milliseconds. `extract` would answer a `numeric`, whose
 * conversion takes a third of the whole statement.
 */
function valuesOf({ fields }: BucketQuery, records: SQL): SQL {
  return sql`
    select field, at, value, ms
    from (select at, data from ${records}) as record
    cross join unnest(${arrayLiteral(fields)}::text[]) as wanted (field)
    cross join lateral (
      select (record.data -> wanted.field)::float8 as value, date_part('epoch', record.at) * 1000 as ms
      where jsonb_typeof(record.data -> wanted.field) = 'number'
    ) as value`;
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
  const records = recordsOfParts(
    query,
    sql`(
      select ${time(fromMs)} as lower, ${time(firstHour)} as upper
      union all select ${time(endOfHours)}, ${time(toMs)}
      union all select hour, hour + interval '1 hour' from (${stale}) as stale
    ) as part`,
  );
  return sql`
    select field, hour as at, n, sum, min, ${ms('min_ms')} as min_ms, max, ${ms('max_ms')} as max_ms,
      ${ms('first_ms')} as first_ms, first, ${ms('last_ms')} as last_ms, last
    from telemetry_rollups
    where device = ${device} and field = any(${arrayLiteral(fields)}::text[])
      and hour >= ${time(firstHour)} and hour < ${time(endOfHours)} and hour not in (${stale})
    union all
    select field, at, 1, value, value, ms, value, ms, ms, value, ms, value from (${valuesOf(query, records)}) as rest`;
}

function time(ms: number): SQL {
  return sql`${new Date(ms).toISOString()}::timestamptz`;
}

function toBucket(row: BucketRow): Bucket {
  const count = Number(row.n);
  return {
    field: row.field,
    startMs: Math.round(row.start),
    count,
    mean: row.sum / count,
    min: measured(row.least, row.least_ms),
    max: measured(row.greatest, row.greatest_ms),
    first: measured(row.first, row.first_ms),
    last: measured(row.last, row.last_ms),
  };
}

function measured(value: number, ms: number): Measured {
  return { value, atMs: Math.round(ms) };
}
