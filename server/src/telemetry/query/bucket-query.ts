import { type SQL, sql } from 'drizzle-orm';
import { INTERVALS, type Interval } from '../../../contract/api/telemetry.ts';
import { isDouble, toDouble, toDoubleIfAny } from '../../platform/db/json-double.ts';
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
  /** Whether there are numbers that no double holds: looking for them takes its time. */
  readonly hasOthers?: boolean;
}

const LONGEST_STATIC_SECONDS = 3_600;

/** The bucket that a time belongs to, in a form that it can be grouped by. */
export function bucketOf(query: BucketQuery, at: SQL): SQL {
  const width = sql`${INTERVALS[query.interval]} * interval '1 second'`;
  return followsLocalClock(query)
    ? sql`date_bin(${width}, ${at} at time zone ${query.zone}, timestamp '2001-01-01')`
    : sql`date_bin(${width}, ${at}, ${localMidnight(query)})`;
}

/** When a bucket begins, Unix milliseconds: never after the first time in it, where the clock is changed. */
export function bucketStart(query: BucketQuery, bucket: SQL, firstMs: SQL): SQL {
  const start = followsLocalClock(query) ? instantOf(bucket, query.zone) : bucket;
  return sql`least(date_part('epoch', ${start}) * 1000, ${firstMs})`;
}

/** The number that a value of a record is, null where it is none. */
export function numberOf({ hasOthers = false }: BucketQuery, value: SQL): SQL {
  return hasOthers ? toDoubleIfAny(value) : toDouble(value);
}

/** Whether `numberOf` is a number. */
export function isNumber({ hasOthers = false }: BucketQuery, value: SQL): SQL {
  return hasOthers ? isDouble(value) : sql`jsonb_typeof(${value}) = 'number'`;
}

/** A time of a query, for the statement. */
export function time(ms: number): SQL {
  return sql`${new Date(ms).toISOString()}::timestamptz`;
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
