import { type BackoffLimits, backoffDelay } from '../platform/backoff.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import { isUnreachable } from '../platform/db/database-error.ts';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { type BrokerChanges, type NotedChange, noteChange } from './changes.ts';
import { EmqxError } from './emqx.ts';
import { queuedChanges, removeChanges } from './fleet-store.ts';
import type { Receipt } from './receipt.ts';

export interface ChangeQueueDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Brings the broker up to date about one device; returns what was done. */
  readonly sync: (deviceId: string) => Promise<string[]>;
}

export interface ChangeQueue extends BrokerChanges {
  start(): void;
  /** Asks for the queue to be worked off now, such as when the broker is back. */
  wake(): void;
  close(): Promise<void>;
}

const BATCH = 100;
const RETRY: BackoffLimits = { firstMs: 500, capMs: 4_000 };
/** Looks for changes that another instance left behind. */
const LOOK_INTERVAL_MS = 5_000;
/** How long a request waits for its change to take effect. */
const APPLY_LIMIT_MS = 4_000;

/**
 * The table of changes, worked off in order by one worker an instance. A change that fails for a reason
 * of its own is passed over and tried again later; a broker that is away stops the worker until it is back.
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
          deps.log[concernsAll ? 'debug' : 'error']({ err: error, deviceId }, 'change could not be applied');
          if (concernsAll) return failure;
        }
      }
      from = (batch.at(-1)?.id ?? from) + 1;
    }
    return failure;
  }

  /** One worker at a time; what is noted while it works is worked off before it rests. */
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
          deps.log.warn({ err: error }, 'queue of changes cannot be read');
          return 'The database is not reachable.';
        });
      } while (again && failure === undefined && !stopped);
      if (failure === undefined) failures = 0;
      else if (!stopped) {
        if (failures === 0) deps.log.warn({ failure }, 'changes wait for the broker');
        retry = deps.clock.setTimer(() => void work(), 200 + backoffDelay(failures++, RETRY, deps.random));
      }
      working = undefined;
      return failure;
    })();
    return working;
  }

  return {
    note: (tx, deviceIds, reason) => noteChange(tx, deviceIds, reason, deps.clock.now()),

    async apply(change) {
      for (const id of change.ids) awaited.add(id);
      const limit = Promise.withResolvers<string>();
      const timer = deps.clock.setTimer(
        () => limit.resolve('The broker does not answer in time.'),
        APPLY_LIMIT_MS,
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

  function receiptOf(change: NotedChange, failure: string | undefined): Receipt {
    const applied = failure === undefined || change.ids.every((id) => done.has(id));
    if (!applied) {
      return { status: 'queued', steps: [], effectiveAfterMs: null, reason: failure };
    }
    const steps = [...new Set(change.ids.flatMap((id) => done.get(id) ?? []))];
    return { status: 'applied', steps, effectiveAfterMs: deps.clock.now() - change.notedAt };
  }
}

/** Whether no other change can be applied now either: the broker or the database is away, or the key is refused. */
function isOutage(error: unknown): boolean {
  if (error instanceof EmqxError) return error.kind === 'unreachable' || error.kind === 'unauthorized';
  return isUnreachable(error) || (error instanceof AppError && error.code === 'unavailable');
}
