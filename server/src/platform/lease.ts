import { sql } from 'drizzle-orm';
import { type Clock, sleep } from './clock.ts';
import type { Queryable } from './db/client.ts';

export interface LeaseDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  /** Names this process; two instances never share it. */
  readonly holder: string;
}

/** What became of work that one instance does at a time. */
export type Leased<T> =
  | { readonly by: 'us'; readonly result: T }
  /** Another instance holds the lease, or finished the same work after it was asked for. */
  | { readonly by: 'other'; readonly result: unknown };

const TERM_SECONDS = 15;
const RENEW_MS = 4_000;
const LOOK_MS = 250;

/**
 * Does `work` under a lease in the database. While another instance has it, waits for that one; what it finished after
 * this call began counts as done. A row and not an advisory lock, since the embedded database runs one transaction at a
 * time and one held open would stop everything else; a holder that dies loses it after 15 s.
 */
export async function underLease<T>(
  deps: LeaseDeps,
  name: string,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<Leased<T>> {
  const { db, holder } = deps;
  const [start] = await db.execute<{ now: string }>(sql`select now()::text as now`);
  while (!(await acquire(db, name, holder))) {
    const [row] = await db.execute<{ result: unknown }>(sql`
      select result from leases where name = ${name} and finished_at > ${start?.now}::timestamptz`);
    if (row) return { by: 'other', result: row.result };
    await sleep(deps.clock, LOOK_MS, signal);
    signal.throwIfAborted();
  }
  const renewal = deps.clock.setTicker(() => void acquire(db, name, holder).catch(() => {}), RENEW_MS);
  try {
    const result = await work();
    await release(db, name, holder, JSON.stringify(result));
    return { by: 'us', result };
  } catch (error) {
    await release(db, name, holder).catch(() => {});
    throw error;
  } finally {
    renewal.cancel();
  }
}

/** Takes or renews the lease; false while another holder has it. */
async function acquire(db: Queryable, name: string, holder: string): Promise<boolean> {
  const rows = await db.execute(sql`
    insert into leases as held (name, holder, expires_at)
    values (${name}, ${holder}, now() + make_interval(secs => ${TERM_SECONDS}))
    on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
    where held.holder = excluded.holder or held.expires_at < now()
    returning name`);
  return rows.length > 0;
}

async function release(db: Queryable, name: string, holder: string, result?: string): Promise<void> {
  await db.execute(
    result === undefined
      ? sql`update leases set expires_at = now() where name = ${name} and holder = ${holder}`
      : sql`update leases set expires_at = now(), finished_at = now(), result = ${result}::jsonb
          where name = ${name} and holder = ${holder}`,
  );
}
