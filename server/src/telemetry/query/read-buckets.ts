import type { SQL } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
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

/** Numeric fields of a device in buckets, by field and time; only buckets that hold a value. */
export async function readBuckets(db: Queryable, query: BucketQuery): Promise<Bucket[]> {
  if (query.fields.length === 0) return [];
  const rows = await db.execute<BucketRow>(bucketStatement(query));
  return rows.map(toBucket);
}

export function bucketStatement(query: BucketQuery): SQL {
  return query.source === 'rollups' ? rollupBuckets(query) : recordBuckets(query);
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
