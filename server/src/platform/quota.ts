import { type SQL, sql } from 'drizzle-orm';
import type { Queryable } from './db/client.ts';

/**
 * A statement that takes one of `maxPerHour` places in the clock hour (UTC) of `at`, counted across all instances, and returns a
 * row unless none is left. It stands alone or in a `with`.
 */
export function hourlyQuota(name: string, maxPerHour: number, at: Date): SQL {
  // A window more than an hour ahead was opened by a wrong clock; the next one only by a clock that is a little ahead.
  const isAnother = sql`(q.window_start < excluded.window_start
    or q.window_start > excluded.window_start + interval '1 hour')`;
  return sql`
    insert into quotas as q (name, window_start, used)
    values (${name}, date_trunc('hour', ${at.toISOString()}::timestamptz, 'UTC'), 1)
    on conflict (name) do update set
      used = case when ${isAnother} then 1 else q.used + 1 end,
      window_start = case when ${isAnother} then excluded.window_start else q.window_start end
    where ${isAnother} or q.used < ${maxPerHour}
    returning 1`;
}

/** Takes a place in an hourly quota. False when none is left. */
export async function takeHourlyQuota(
  db: Queryable,
  name: string,
  maxPerHour: number,
  now: number,
): Promise<boolean> {
  return (await db.execute(hourlyQuota(name, maxPerHour, new Date(now)))).length > 0;
}
