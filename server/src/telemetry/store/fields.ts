import { type SQL, sql } from 'drizzle-orm';
import { arrayLiteral } from '../../platform/db/array-literal.ts';

/** Fields of a device that are rolled up and listed; a device that makes up names cannot fill the database with them. */
export const MAX_FIELDS = 200;
/** The API and alert rules take no longer names; an index of PostgreSQL has no room for one of about 2,700 bytes. */
const MAX_NAME_CHARACTERS = 200;
/** Names of a record that are not measurements (docs/protocol.md, section 4). */
const reserved = sql`${arrayLiteral(['b', 'n', 'ts'])}::text[]`;
/** What a larger value counts as: so far below the largest double that no number of values can overflow a sum. */
const MAX_SUMMAND = sql`1e290::float8`;
/** More than an hour of such values comes to; sums that were stored before there was a bound may be larger. */
const MAX_HOURLY_SUM = sql`1e300::float8`;

/** Whether what has this name in a record is a field; anything else stays in the record only. */
export function isField(name: SQL): SQL {
  return sql`(${name} <> all (${reserved}) and char_length(${name}) <= ${MAX_NAME_CHARACTERS})`;
}

/** A value as it counts in a sum: one of `float8` fails when it overflows. */
export function boundedValue(value: SQL): SQL {
  return bounded(value, MAX_SUMMAND);
}

export function sumOfValues(value: SQL): SQL {
  return sql`sum(${boundedValue(value)})`;
}

/** The sum of sums of an hour, or of bounded values. */
export function sumOfHours(hourly: SQL): SQL {
  return sql`sum(${bounded(hourly, MAX_HOURLY_SUM)})`;
}

/** Not by `least` and `greatest`, which take a limit where there is no value. */
function bounded(value: SQL, limit: SQL): SQL {
  return sql`case when abs(${value}) <= ${limit} then ${value} else sign(${value}) * ${limit} end`;
}
