import { type SQL, sql } from 'drizzle-orm';
import type { Queryable } from './db/client.ts';

/**
 * A statement that takes one of `maxPerHour` places in the clock hour of `at`, counted across all instances, and returns a
 * row unless none is left. It stands alone or in a `with`.
 */
export function hourlyQuota(name: string, maxPerHour: number, at: Date): SQL {
  return sql`
    insert into quotas as q (name, window_start, used)
    values (${name}, date_trunc('hour', ${at.toISOString()}::timestamptz), 1)
    on conflict (name) do update set
      used = case when q.window_start < excluded.window_start then 1 else q.used + 1 end,
      window_start = greatest(q.window_start, excluded.window_start)
    where q.window_start < excluded.window_start or q.used < ${maxPerHour}
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
