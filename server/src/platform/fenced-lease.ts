import { type SQL, sql } from 'drizzle-orm';
import type { Clock } from './clock.ts';
import type { Queryable } from './db/client.ts';
import { LIVENESS_LOCK_CLASS } from './db/liveness-lock.ts';

/** Held by one process at a time; its epoch rises when it changes hands. */
export interface FencedLease {
  readonly name: string;
  readonly holder: string;
  readonly epoch: number;
}

/** Another process has taken the lease over: what this one was about to write is not written. */
export class LeaseLostError extends Error {
  constructor(lease: FencedLease) {
    super(`another instance took the lease ${lease.name} over`);
    this.name = 'LeaseLostError';
  }
}

const TERM_SECONDS = 10;

/**
 * Takes the lease if nobody has it, or its holder has not renewed it for 10 s (by the database's clock).
 *
 * @param holderIsGone whether it is known that the holder lives no more: then its term is not waited for. Should it live all
 *   the same, the epoch keeps it from writing anything.
 */
export async function takeLease(
  db: Queryable,
  name: string,
  holder: string,
  holderIsGone = false,
): Promise<FencedLease | undefined> {
  const [row] = await db.execute<{ epoch: string }>(sql`
    insert into leases as held (name, holder, expires_at, epoch)
    values (${name}, ${holder}, now() + make_interval(secs => ${TERM_SECONDS}), 1)
    on conflict (name) do update
      set holder = excluded.holder, expires_at = excluded.expires_at, epoch = held.epoch + 1
      where ${isOver(sql`held.expires_at`)} or ${holderIsGone}::boolean
    returning epoch`);
  return row && { name, holder, epoch: Number(row.epoch) };
}

/** Also where a clock that was ahead has set the end: no term is as long. */
function isOver(end: SQL): SQL {
  return sql`(${end} <= now() or ${end} > now() + make_interval(secs => ${2 * TERM_SECONDS}))`;
}

/** Whether the lease can be had: its term is over, or no process has its liveness lock (`db/liveness-lock.ts`). */
export async function leaseIsFree(db: Queryable, name: string): Promise<boolean> {
  // By itself the statement is a transaction, whose end gives the lock back.
  const [row] = await db.execute<{ free: boolean }>(sql`
    select coalesce(bool_or(${isOver(sql`expires_at`)}), true)
      or pg_try_advisory_xact_lock(${LIVENESS_LOCK_CLASS}::int, hashtext(${name})) as free
    from leases where name = ${name}`);
  return row?.free === true;
}

/** Extends the term. False once another process has the lease. */
export async function renewLease(db: Queryable, { name, epoch }: FencedLease): Promise<boolean> {
  const rows = await db.execute(sql`
    update leases set expires_at = now() + make_interval(secs => ${TERM_SECONDS})
    where name = ${name} and epoch = ${epoch} returning name`);
  return rows.length > 0;
}

/** Lets the next one take it without waiting for the end of the term. */
export async function releaseLease(db: Queryable, { name, epoch }: FencedLease): Promise<void> {
  await db.execute(sql`update leases set expires_at = now() where name = ${name} and epoch = ${epoch}`);
}

/**
 * Keeps the lease from changing hands until the transaction ends.
 *
 * @returns how often marks made under the lease have been claimed (`claimMarks`).
 * @throws LeaseLostError, which rolls the transaction back.
 */
export async function requireLease(tx: Queryable, lease: FencedLease): Promise<number> {
  const [row] = await tx.execute<{ claims: string }>(sql`
    select claims from leases where name = ${lease.name} and epoch = ${lease.epoch} for share`);
  if (!row) throw new LeaseLostError(lease);
  return Number(row.claims);
}

/** Waits for the transactions that run under the lease; those that begin later see that marks were claimed. */
export async function claimMarks(tx: Queryable, name: string): Promise<void> {
  await tx.execute(sql`
    insert into leases as held (name, holder, expires_at, claims) values (${name}, '', now(), 1)
    on conflict (name) do update set claims = held.claims + 1`);
}

const RENEW_MS = 3_000;

interface LeaseWorkDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly holder: string;
}

/**
 * Does `work` under the lease, or nothing where another process has it. The signal is aborted when the lease is lost.
 *
 * @returns whether it was done here.
 */
export async function ifLeaseIsFree(
  { db, clock, holder }: LeaseWorkDeps,
  name: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const lease = await takeLease(db, name, holder);
  if (!lease) return false;
  const lost = new AbortController();
  const renewal = clock.setTicker(() => {
    renewLease(db, lease).then(
      (held) => held || lost.abort(new LeaseLostError(lease)),
      () => {},
    );
  }, RENEW_MS);
  try {
    await work(lost.signal);
    return true;
  } finally {
    renewal.cancel();
    await releaseLease(db, lease).catch(() => {});
  }
}
