import { type SQL, sql } from 'drizzle-orm';

/**
 * When a clock on the wall of `zone` (of the IANA database) shows `local`, a `timestamp`. Of a time that it shows twice, the first
 * one: `at time zone` alone takes the second, an hour after the day or the bucket began that is meant.
 */
export function instantOf(local: SQL, zone: string): SQL {
  const second = sql`(${local} at time zone ${zone})`;
  const first = sql`(${second} - interval '1 hour')`;
  return sql`(case when ${first} at time zone ${zone} = ${local} then ${first} else ${second} end)`;
}
