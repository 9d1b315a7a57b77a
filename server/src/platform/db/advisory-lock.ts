import { sql } from 'drizzle-orm';
import { type Clock, sleep } from '../clock.ts';
import type { Database, Queryable } from './client.ts';

export interface LockDeps {
  readonly db: Database;
  readonly clock: Clock;
  /** Names this instance in the record of the last run. */
  readonly holder: string;
}

/** What became of work that one instance does at a time. */
export type Locked<T> =
  | { readonly by: 'us'; readonly result: T }
  /** Another instance finished the same work after it was asked for. */
  | { readonly by: 'other'; readonly result: unknown };

/** Any fixed number: what our advisory locks have in common. */
const LOCK_CLASS = 7_268_402;
const LOOK_MS = 250;
/** A connection that is dead without having been closed falls silent at one of these. */
const HEARTBEAT_MS = 4_000;

/**
 * Does `work` while holding an advisory lock of the database. While another instance holds it, waits for that one; what
 * it finished after this call began counts as done.
 *
 * The lock belongs to a transaction that is open for as long as the work takes, and goes with its connection: then the
 * signal that `work` gets is aborted, and this call fails once `work` has ended.
 */
export async function underLock<T>(
  deps: LockDeps,
  name: string,
  work: (held: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<Locked<T>> {
  const { db, clock, holder } = deps;
  const lost = new AbortController();
  let working: Promise<T> | undefined;
  try {
    return await db.transaction(async (tx) => {
      const startedAt = await now(tx);
      for (;;) {
        const held = await tryLock(tx, name);
        const finished = await finishedSince(tx, name, startedAt);
        if (finished) return { by: 'other', result: finished.result };
        if (held) break;
        await sleep(clock, LOOK_MS, signal);
        signal.throwIfAborted();
      }
      const heartbeat = clock.setTicker(() => void now(tx).catch(() => {}), HEARTBEAT_MS);
      try {
        working = work(AbortSignal.any([signal, lost.signal]));
        const result = await working;
        await recordRun(tx, name, holder, result);
        return { by: 'us', result };
      } finally {
        heartbeat.cancel();
      }
    });
  } catch (error) {
    lost.abort(error);
    await working?.catch(() => {});
    throw error;
  }
}

/** Takes the lock for the rest of the transaction; false where another one has it. */
export async function tryLock(tx: Queryable, name: string): Promise<boolean> {
  const [row] = await tx.execute<{ held: boolean }>(
    sql`select pg_try_advisory_xact_lock(${LOCK_CLASS}::int, hashtext(${name})) as held`,
  );
  return row?.held === true;
}

/** The database's time, not that of the transaction, which stands still. */
async function now(tx: Queryable): Promise<string | undefined> {
  const [row] = await tx.execute<{ now: string }>(sql`select clock_timestamp()::text as now`);
  return row?.now;
}

async function finishedSince(
  tx: Queryable,
  name: string,
  startedAt: string | undefined,
): Promise<{ result: unknown } | undefined> {
  const [row] = await tx.execute<{ result: unknown }>(sql`
    select result from leases where name = ${name} and finished_at > ${startedAt}::timestamptz`);
  return row;
}

/** Committed with the release of the lock, so that whoever gets it next sees it. */
async function recordRun(tx: Queryable, name: string, holder: string, result: unknown): Promise<void> {
  await tx.execute(sql`
    insert into leases (name, holder, expires_at, finished_at, result)
    values (${name}, ${holder}, clock_timestamp(), clock_timestamp(), ${JSON.stringify(result ?? null)}::jsonb)
    on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at,
      finished_at = excluded.finished_at, result = excluded.result`);
}
