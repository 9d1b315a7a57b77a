import { sql } from 'drizzle-orm';
import type { Queryable } from './db/client.ts';

/** Takes one of `maxPerHour` places in the clock hour of `now`, counted across all instances. False when there is none. */
export async function takeHourlyQuota(
  db: Queryable,
  name: string,
  maxPerHour: number,
  now: number,
): Promise<boolean> {
  const at = new Date(now).toISOString();
  const rows = await db.execute<{ used: number }>(sql`
    insert into quotas as q (name, window_start, used)
    values (${name}, date_trunc('hour', ${at}::timestamptz), 1)
    on conflict (name) do update set
      used = case when q.window_start < excluded.window_start then 1 else q.used + 1 end,
      window_start = greatest(q.window_start, excluded.window_start)
    where q.window_start < excluded.window_start or q.used < ${maxPerHour}
    returning used`);
  return rows.length > 0;
}
