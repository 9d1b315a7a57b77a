import { type SQL, sql } from 'drizzle-orm';

const LARGEST = sql`'1.7976931348623157e308'::jsonb`;
const LEAST = sql`'-1.7976931348623157e308'::jsonb`;
/** Half of the smallest double: what is nearer to 0 is none, and a cast of it fails as one of a number that is too large. */
const TINY = sql`'2.47e-324'::jsonb`;
const MINUS_TINY = sql`'-2.47e-324'::jsonb`;

/** PostgreSQL's numeric_value_out_of_range. */
export const OUT_OF_RANGE = '22003';

/**
 * A number in `jsonb` as a double, null for anything else. Fails with `OUT_OF_RANGE` on a number that no double holds. Records
 * hold none when they arrive, but a database that was restored, or that others write to, may.
 */
export function toDouble(value: SQL): SQL {
  return sql`case when jsonb_typeof(${value}) = 'number' then ${value}::float8 end`;
}

/** The same in twice the time, but that a number that is too large is null and one that is too small is 0. */
export function toDoubleIfAny(value: SQL): SQL {
  return sql`case when ${value} between ${MINUS_TINY} and ${TINY} then 0 when ${isDouble(value)} then ${value}::float8 end`;
}

/** Whether a value in `jsonb` is a number that is not too large for a double. Nothing else sorts between two numbers. */
export function isDouble(value: SQL): SQL {
  return sql`${value} between ${LEAST} and ${LARGEST}`;
}
