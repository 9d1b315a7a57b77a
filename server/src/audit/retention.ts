import { sql } from 'drizzle-orm';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Database, Queryable } from '../platform/db/client.ts';
import { ifLeaseIsFree } from '../platform/fenced-lease.ts';
import type { Logger } from '../platform/logger.ts';
import { writeAudit } from './audit.ts';

export interface AuditRetentionDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long entries are kept; at most a day longer. */
  readonly retentionSeconds: number;
  /** Names this process. */
  readonly holder: string;
}

const DAY_MS = 86_400_000;
/** How soon a day's run follows midnight (UTC), or a failed one. */
const LOOK_MS = 300_000;
const LEASE = 'audit-retention';
/** A statement of this size stays far below the time limit of statements. */
const DELETE_BATCH = 5_000;

/** Deletes what has expired from the audit log, once a day; one instance at a time does it. */
export function createAuditRetention(deps: AuditRetentionDeps) {
  const { db, clock, log } = deps;
  const stopping = new AbortController();
  let ticker: Timer | undefined;
  let doneBefore = Number.NEGATIVE_INFINITY;
  let running: Promise<void> = Promise.resolve();

  async function runOnce(): Promise<void> {
    // Whole days: of several instances, the second one of a day finds nothing left.
    const before = Math.floor((clock.now() - deps.retentionSeconds * 1_000) / DAY_MS) * DAY_MS;
    if (before <= doneBefore || stopping.signal.aborted) return;
    try {
      const done = await ifLeaseIsFree(deps, LEASE, async (lost) => {
        const signal = AbortSignal.any([lost, stopping.signal]);
        const entries = await db.transaction((tx) => pruneAudit(tx, new Date(before), clock.now(), signal));
        if (entries > 0) log.info({ entries }, 'audit log pruned');
      });
      if (done) doneBefore = before;
    } catch (error) {
      if (!stopping.signal.aborted) log.warn({ err: error }, 'pruning the audit log is tried again later');
    }
  }

  function run(): Promise<void> {
    running = running.then(runOnce);
    return running;
  }

  return {
    start() {
      ticker ??= clock.setTicker(() => void run(), LOOK_MS);
    },
    async close() {
      ticker?.cancel();
      stopping.abort();
      await running;
    },
  };
}

/** Deletes the entries before a time, and records how many they were; returns that. */
async function pruneAudit(tx: Queryable, before: Date, now: number, signal: AbortSignal): Promise<number> {
  const time = before.toISOString();
  // What the trigger on the table asks for; it ends with the transaction.
  await tx.execute(sql`select set_config('simple_iot.audit_expired_before', ${time}, true)`);
  let entries = 0;
  for (let deleted = DELETE_BATCH; deleted === DELETE_BATCH; entries += deleted) {
    signal.throwIfAborted();
    const rows = await tx.execute(sql`
      delete from audit_log where id in (
        select id from audit_log where at < ${time}::timestamptz order by at, id limit ${DELETE_BATCH})`);
    deleted = rows.count;
  }
  if (entries > 0) {
    await writeAudit(tx, {
      at: new Date(now),
      actorKind: 'system',
      actor: 'audit retention',
      action: 'audit.pruned',
      after: { entries, before: time },
    });
  }
  return entries;
}
