import type { Receipt } from '../../contract/api/broker.ts';
import { type BackoffLimits, backoffDelay } from '../platform/backoff.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import { isUnreachable } from '../platform/db/database-error.ts';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { type BrokerChanges, type EnqueuedChange, enqueueChange } from './changes.ts';
import { queuedChanges, removeChanges } from './device-store.ts';
import { EmqxError } from './emqx.ts';

export interface ChangeQueueDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Syncs one device to the broker; returns the steps it took. */
  readonly sync: (deviceId: string) => Promise<string[]>;
}

export interface ChangeQueue extends BrokerChanges {
  start(): void;
  /** Processes the queue now, such as when the broker is back. */
  wake(): void;
  close(): Promise<void>;
}

const BATCH = 100;
const RETRY: BackoffLimits = { firstMs: 500, capMs: 4_000 };
/** Looks for changes that another instance left behind. */
const LOOK_INTERVAL_MS = 5_000;
/** How long a request waits for its change to take effect. */
const FLUSH_LIMIT_MS = 4_000;

/**
 * Processes the table of changes in order, one worker per instance. A change that fails for a reason of its own is skipped
 * and retried later; an unreachable broker stops the worker until it is back.
 */
export function createChangeQueue(deps: ChangeQueueDeps): ChangeQueue {
  /** What was done for the rows that a request of this instance waits for. */
  const done = new Map<number, readonly string[]>();
  const awaited = new Set<number>();
  let working: Promise<string | undefined> | undefined;
  let again = false;
  let retry: Timer | undefined;
  let look: Timer | undefined;
  let failures = 0;
  let stopped = false;

  /** Works until the queue is empty. Returns why it could not, in a sentence. */
  async function drain(): Promise<string | undefined> {
    let from = 0;
    let failure: string | undefined;
    while (!stopped) {
      const batch = await queuedChanges(deps.db, from, BATCH);
      if (batch.length === 0) break;
      const seen = new Set<string>();
      for (const { deviceId } of batch) {
        if (stopped || seen.has(deviceId)) continue;
        seen.add(deviceId);
        const rows = batch.filter((row) => row.deviceId === deviceId).map(({ id }) => id);
        try {
          const steps = await deps.sync(deviceId);
          await removeChanges(deps.db, deviceId, rows.at(-1) ?? 0);
          for (const id of rows) if (awaited.has(id)) done.set(id, steps);
        } catch (error) {
          failure = error instanceof EmqxError ? error.message : 'The change could not be applied.';
          const concernsAll = isOutage(error);
          deps.log[concernsAll ? 'debug' : 'error']({ err: error, deviceId }, 'applying a change failed');
          if (concernsAll) return failure;
        }
      }
      from = (batch.at(-1)?.id ?? from) + 1;
    }
    return failure;
  }

  /** One worker at a time; what is enqueued meanwhile is processed before it stops. */
  function work(): Promise<string | undefined> {
    if (working) {
      again = true;
      return working;
    }
    retry?.cancel();
    working = (async () => {
      let failure: string | undefined;
      do {
        again = false;
        failure = await drain().catch((error: unknown) => {
          deps.log.warn({ err: error }, 'reading the queue of changes failed');
          return 'The database is not reachable.';
        });
      } while (again && failure === undefined && !stopped);
      if (failure === undefined) failures = 0;
      else if (!stopped) {
        if (failures === 0) deps.log.warn({ failure }, 'changes are waiting for the broker');
        retry = deps.clock.setTimer(() => void work(), 200 + backoffDelay(failures++, RETRY, deps.random));
      }
      working = undefined;
      return failure;
    })();
    return working;
  }

  return {
    enqueue: (tx, deviceIds, reason) => enqueueChange(tx, deviceIds, reason, deps.clock.now()),

    async flush(change) {
      for (const id of change.ids) awaited.add(id);
      const limit = Promise.withResolvers<string>();
      const timer = deps.clock.setTimer(
        () => limit.resolve('Timed out waiting for the broker.'),
        FLUSH_LIMIT_MS,
      );
      try {
        const failure = await Promise.race([work(), limit.promise]);
        return receiptOf(change, failure);
      } finally {
        timer.cancel();
        for (const id of change.ids) {
          awaited.delete(id);
          done.delete(id);
        }
      }
    },

    start() {
      look ??= deps.clock.setTicker(() => void work(), LOOK_INTERVAL_MS);
      void work();
    },
    wake() {
      void work();
    },
    async close() {
      stopped = true;
      look?.cancel();
      retry?.cancel();
      await working;
    },
  };

  function receiptOf(change: EnqueuedChange, failure: string | undefined): Receipt {
    const applied = failure === undefined || change.ids.every((id) => done.has(id));
    if (!applied) {
      return { status: 'queued', steps: [], effectiveAfterMs: null, reason: failure };
    }
    const steps = [...new Set(change.ids.flatMap((id) => done.get(id) ?? []))];
    return { status: 'applied', steps, effectiveAfterMs: deps.clock.now() - change.enqueuedAt };
  }
}

/** Whether no other change can be applied now either: the broker or the database is unreachable, or the key is refused. */
function isOutage(error: unknown): boolean {
  if (error instanceof EmqxError) return error.kind === 'unreachable' || error.kind === 'unauthorized';
  return isUnreachable(error) || (error instanceof AppError && error.code === 'unavailable');
}
