import type { SQL } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import { OUT_OF_RANGE } from '../../platform/db/json-double.ts';
import { errorCode } from '../../platform/errors.ts';
import type { BucketQuery } from './bucket-query.ts';
import { recordBuckets } from './record-buckets.ts';
import { rollupBuckets } from './rollup-buckets.ts';

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

/** What both statements answer; times are Unix milliseconds. */
interface BucketRow extends Record<string, unknown> {
  readonly field: string;
  /** Tells the buckets of a query apart. */
  readonly bucket: number;
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

/** Shorter ranges are read by one statement. */
const HALVED_FROM_MS = 6 * 3_600_000;
/** Each takes ten columns of records, of which PostgreSQL has 1,664 in a query. */
const FIELDS_PER_STATEMENT = 100;

/**
 * Numeric fields of a device in buckets, by field and time; only buckets that hold a value. A number that no double holds
 * counts as no value: records that arrive have none, so it is looked for only where the database has come upon one.
 */
export async function readBuckets(db: Queryable, query: BucketQuery): Promise<Bucket[]> {
  if (query.fields.length === 0) return [];
  const parts = await readParts(db, query).catch((error: unknown) => {
    if (errorCode(error) !== OUT_OF_RANGE) throw error;
    return readParts(db, { ...query, hasOthers: true });
  });
  return joined(parts.flat()).map(toBucket);
}

function readParts(db: Queryable, query: BucketQuery) {
  return Promise.all(bucketStatements(query).map((part) => db.execute<BucketRow>(part)));
}

/** Two statements, each for half of a long range of records, since the database makes buckets on one processor. */
export function bucketStatements(query: BucketQuery): SQL[] {
  if (query.source === 'rollups') return [rollupBuckets(query)];
  if (query.fields.length > FIELDS_PER_STATEMENT) {
    const { fields } = query;
    return [
      ...bucketStatements({ ...query, fields: fields.slice(0, FIELDS_PER_STATEMENT) }),
      ...bucketStatements({ ...query, fields: fields.slice(FIELDS_PER_STATEMENT) }),
    ];
  }
  const { fromMs, toMs } = query;
  if (toMs - fromMs < HALVED_FROM_MS) return [recordBuckets(query, query)];
  const middleMs = Math.floor((fromMs + toMs) / 2);
  return [recordBuckets(query, { fromMs, toMs: middleMs }), recordBuckets(query, { fromMs: middleMs, toMs })];
}

/** The rows of parts that follow each other in time, by field, with the bucket that was cut made whole. */
function joined(rows: readonly BucketRow[]): BucketRow[] {
  const byField = [...Map.groupBy(rows, ({ field }) => field)].sort(([a], [b]) => (a < b ? -1 : 1));
  return byField.flatMap(([, ofField]) => {
    const buckets = new Map<number, BucketRow>();
    for (const row of ofField) {
      const earlier = buckets.get(row.bucket);
      buckets.set(row.bucket, earlier ? whole(earlier, row) : row);
    }
    return [...buckets.values()];
  });
}

function whole(earlier: BucketRow, later: BucketRow): BucketRow {
  const least = later.least < earlier.least ? later : earlier;
  const greatest = later.greatest > earlier.greatest ? later : earlier;
  return {
    ...earlier,
    n: String(Number(earlier.n) + Number(later.n)),
    sum: earlier.sum + later.sum,
    least: least.least,
    least_ms: least.least_ms,
    greatest: greatest.greatest,
    greatest_ms: greatest.greatest_ms,
    last: later.last,
    last_ms: later.last_ms,
  };
}

function toBucket(row: BucketRow): Bucket {
  const count = Number(row.n);
  return {
    field: row.field,
    startMs: Math.round(row.start),
    count,
    // Not beyond them where the sum was bounded, or by an error of rounding.
    mean: Math.min(Math.max(row.sum / count, row.least), row.greatest),
    min: measured(row.least, row.least_ms),
    max: measured(row.greatest, row.greatest_ms),
    first: measured(row.first, row.first_ms),
    last: measured(row.last, row.last_ms),
  };
}

function measured(value: number, ms: number): Measured {
  return { value, atMs: Math.round(ms) };
}
