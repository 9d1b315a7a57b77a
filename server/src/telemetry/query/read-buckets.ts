import { type SQL, sql } from 'drizzle-orm';
import { INTERVALS, type Interval } from '../../../contract/api/telemetry.ts';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';

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
  readonly least: number[];
  readonly greatest: number[];
  readonly earliest: number[];
  readonly latest: number[];
}

/** Numeric fields of a device in buckets, by field and time; only buckets that hold a value. */
export async function readBuckets(db: Queryable, query: BucketQuery): Promise<Bucket[]> {
  if (query.fields.length === 0) return [];
  // An array compares element by element: the least [value, time] holds the least value and when it came first.
  const rows = await db.execute<BucketRow>(sql`
    with point as (${query.source === 'rollups' ? hoursAndRest(query) : pointsOf(query, recordsOfRange(query))})
    select field,
      extract(epoch from least(${bucketStart(query, sql`bucket`)}, timestamptz 'epoch' + min(first_ms) * interval '1 millisecond'))::float8 * 1000 as start,
      sum(n) as n, sum(sum) as sum,
      to_json(min(array[least, least_ms])) as least, to_json(max(array[greatest, -greatest_ms])) as greatest,
      to_json(min(array[first_ms, first])) as earliest, to_json(max(array[last_ms, last])) as latest
    from (select *, ${bucketOf(query, sql`at`)} as bucket from point) as binned
    group by field, bucket order by field, bucket`);
  return rows.map(toBucket);
}

/** The bucket that a time belongs to, in a form that it can be grouped by. */
function bucketOf(query: BucketQuery, at: SQL): SQL {
  const width = sql`${INTERVALS[query.interval]} * interval '1 second'`;
  return followsLocalClock(query)
    ? sql`date_bin(${width}, ${at} at time zone ${query.zone}, timestamp '2001-01-01')`
    : sql`date_bin(${width}, ${at}, ${localMidnight(query)})`;
}

function bucketStart(query: BucketQuery, bucket: SQL): SQL {
  return followsLocalClock(query) ? sql`(${bucket} at time zone ${query.zone})` : bucket;
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

/** By the index, part by part: `offset 0` keeps the planner from scanning whole partitions. */
function recordsOfParts({ device }: BucketQuery, parts: SQL): SQL {
  return sql`${parts} cross join lateral (
    select at, data from telemetry where device = ${device} and at >= part.lower and at < part.upper offset 0
  ) as record`;
}

/** Values of records, each as a bucket of one. */
function pointsOf({ fields }: BucketQuery, records: SQL): SQL {
  return sql`
    select field, at, 1 as n, value as sum, value as least, ms as least_ms, value as greatest, ms as greatest_ms,
      ms as first_ms, value as first, ms as last_ms, value as last
    from (select at, data from ${records}) as record
    cross join unnest(${arrayLiteral(fields)}::text[]) as wanted (field)
    cross join lateral (
      select (record.data -> wanted.field)::float8 as value, extract(epoch from record.at)::float8 * 1000 as ms
      where jsonb_typeof(record.data -> wanted.field) = 'number'
    ) as measured`;
}

/** Rollups of the hours that lie within the range and are up to date; records for the others and for both ends. */
function hoursAndRest(query: BucketQuery): SQL {
  const { device, fields, fromMs, toMs } = query;
  const firstHour = Math.min(Math.ceil(fromMs / HOUR_MS) * HOUR_MS, toMs);
  const endOfHours = Math.max(Math.floor(toMs / HOUR_MS) * HOUR_MS, firstHour);
  const stale = sql`
    select distinct hour from telemetry_dirty_hours
    where device = ${device} and hour >= ${time(firstHour)} and hour < ${time(endOfHours)}`;
  const ms = (column: string) => sql`extract(epoch from hour)::float8 * 1000 + ${sql.identifier(column)}`;
  return sql`
    select field, hour as at, n, sum, min as least, ${ms('min_ms')} as least_ms, max as greatest,
      ${ms('max_ms')} as greatest_ms, ${ms('first_ms')} as first_ms, first, ${ms('last_ms')} as last_ms, last
    from telemetry_rollups
    where device = ${device} and field = any(${arrayLiteral(fields)}::text[])
      and hour >= ${time(firstHour)} and hour < ${time(endOfHours)} and hour not in (${stale})
    union all
    ${pointsOf(
      query,
      recordsOfParts(
        query,
        sql`(
          select ${time(fromMs)} as lower, ${time(firstHour)} as upper
          union all select ${time(endOfHours)}, ${time(toMs)}
          union all select hour, hour + interval '1 hour' from (${stale}) as stale
        ) as part`,
      ),
    )}`;
}

function time(ms: number): SQL {
  return sql`${new Date(ms).toISOString()}::timestamptz`;
}

function toBucket({ field, start, n, sum, least, greatest, earliest, latest }: BucketRow): Bucket {
  const count = Number(n);
  return {
    field,
    startMs: Math.round(start),
    count,
    mean: sum / count,
    min: measured(least[0], least[1]),
    max: measured(greatest[0], -(greatest[1] ?? 0)),
    first: measured(earliest[1], earliest[0]),
    last: measured(latest[1], latest[0]),
  };
}

function measured(value = 0, ms = 0): Measured {
  return { value, atMs: Math.round(ms) };
}
