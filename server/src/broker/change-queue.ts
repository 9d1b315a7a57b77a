import type { Receipt } from '../../contract/api/broker.ts';
import { type BackoffLimits, backoffDelay } from '../platform/backoff.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import { isUnreachable } from '../platform/db/database-error.ts';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { inParallel } from '../platform/parallel.ts';
import type { Random } from '../platform/random.ts';
import { type BrokerChanges, enqueueChange, type QueuedDevice } from './changes.ts';
import { queuedDevices, removeChanges, urgentDevices } from './device-store.ts';
import { EmqxError } from './emqx.ts';

export interface ChangeQueueDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Syncs one device to the broker; returns what was done. */
  readonly sync: (deviceId: string) => Promise<string[]>;
  /** Asks the broker something that concerns no device; rejects when it does not answer. */
  readonly probe: () => Promise<unknown>;
}

export interface ChangeQueue extends BrokerChanges {
  start(): void;
  /** Processes the queue now, such as when the broker is back. */
  wake(): void;
  close(): Promise<void>;
}

/** How a sync ended: what was done, or why it failed, and whether any other would fail now too. */
type Outcome =
  | { readonly ok: true; readonly steps: readonly string[] }
  | { readonly ok: false; readonly failure: string; readonly outage: boolean };

const BATCH = 100;
const PARALLEL = 8;
/** Devices of one change that its request syncs itself, one after the other; the queue takes the others. */
const DIRECT = 16;
const RETRY: BackoffLimits = { firstMs: 500, capMs: 4_000 };
const DEVICE_RETRY: BackoffLimits = { firstMs: 1_000, capMs: 60_000 };
/** Looks for changes that another instance left behind. */
const LOOK_INTERVAL_MS = 5_000;
/** Looks for urgent ones, which do not wait for the batch that is being processed. */
const URGENT_LOOK_INTERVAL_MS = 300;
/** What is younger than this is applied by the request that enqueued it, which tells its operator what was done. */
const URGENT_AGE_MS = 300;
/** How long a request waits for its change to take effect. */
const FLUSH_LIMIT_MS = 4_000;

/**
 * The table of changes. A request applies its own change at once; one worker per instance processes what is left, several
 * devices at a time, what takes rights away first. What takes rights away and is still there after a moment, because its
 * instance has failed or has much to do, is applied by whichever instance sees it, without waiting for a batch. A device
 * whose sync fails waits for a backoff of its own while the others go on; an unreachable broker stops all until it is back.
 */
export function createChangeQueue(deps: ChangeQueueDeps): ChangeQueue {
  const { clock, log, random } = deps;
  const running = new Map<string, Promise<Outcome>>();
  const backoff = new Map<string, { readonly failures: number; readonly until: number }>();
  /** Devices that their request is about to sync. */
  const direct = new Set<string>();
  let urgent = 0;
  let looking = false;
  let working: Promise<string | undefined> | undefined;
  let again = false;
  let retry: Timer | undefined;
  let look: Timer | undefined;
  let urgentLook: Timer | undefined;
  let failures = 0;
  let stopped = false;

  /** One sync of a device at a time; one that is asked for meanwhile begins when it has ended. */
  async function sync(device: QueuedDevice): Promise<Outcome> {
    const before = running.get(device.id);
    const mine = (before ?? Promise.resolve()).then(() => attempt(device));
    running.set(device.id, mine);
    const outcome = await mine;
    if (running.get(device.id) === mine) running.delete(device.id);
    return outcome;
  }

  async function attempt({ id, rows }: QueuedDevice): Promise<Outcome> {
    try {
      const steps = await deps.sync(id);
      await removeChanges(deps.db, rows);
      backoff.delete(id);
      return { ok: true, steps };
    } catch (error) {
      const outage = await isOutage(error);
      log[outage ? 'debug' : 'error']({ err: error, deviceId: id }, 'applying a change failed');
      if (!outage) {
        const failed = backoff.get(id)?.failures ?? 0;
        const delayMs = DEVICE_RETRY.firstMs / 2 + backoffDelay(failed, DEVICE_RETRY, random);
        backoff.set(id, { failures: failed + 1, until: clock.monotonic() + delayMs });
      }
      return { ok: false, failure: failureOf(error), outage };
    }
  }

  /** Whether no other change can be applied now either: broker or database are unreachable, or the key is refused. */
  async function isOutage(error: unknown): Promise<boolean> {
    if (!(error instanceof EmqxError)) {
      return isUnreachable(error) || (error instanceof AppError && error.code === 'unavailable');
    }
    if (error.kind === 'unauthorized') return true;
    // A broker that answers 500, or nothing, about one device may be well otherwise.
    return error.kind === 'unreachable' && !(await answers());
  }

  async function answers(): Promise<boolean> {
    return await deps.probe().then(
      () => true,
      () => false,
    );
  }

  /** Processes until only devices in their backoff are left. Returns why it could not, in a sentence. */
  async function drain(): Promise<string | undefined> {
    let outage: string | undefined;
    while (!stopped && outage === undefined) {
      const batch = await queuedDevices(deps.db, resting(), BATCH);
      if (batch.length === 0) break;
      await inParallel(batch, PARALLEL, async (device) => {
        if (stopped || outage !== undefined) return;
        const outcome = await sync(device);
        if (!outcome.ok && outcome.outage) outage = outcome.failure;
      });
    }
    return outage;
  }

  /** Devices that are not to be tried yet. */
  function resting(): string[] {
    const now = clock.monotonic();
    return [...backoff].filter(([, { until }]) => until > now).map(([id]) => id);
  }

  /** Applies urgent changes beside what is being processed. While the broker is away, the worker tries. */
  async function applyUrgent(): Promise<void> {
    if (looking || stopped || failures > 0 || urgent >= PARALLEL) return;
    looking = true;
    try {
      const except = [...resting(), ...running.keys(), ...direct];
      const free = PARALLEL - urgent;
      const found = await urgentDevices(deps.db, except, URGENT_AGE_MS, free);
      for (const device of found) {
        if (stopped) return;
        urgent++;
        void sync(device).then((outcome) => {
          urgent--;
          if (!outcome.ok) void work();
          else if (found.length === free) void applyUrgent();
        });
      }
    } catch (error) {
      log.debug({ err: error }, 'looking for urgent changes failed');
    } finally {
      looking = false;
    }
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
          log.warn({ err: error }, 'reading the queue of changes failed');
          return 'The database is not reachable.';
        });
      } while (again && failure === undefined && !stopped);
      if (failure === undefined) failures = 0;
      else if (failures === 0) log.warn({ failure }, 'changes are waiting for the broker');
      if (!stopped && (failure !== undefined || backoff.size > 0)) {
        const delayMs =
          failure === undefined ? DEVICE_RETRY.firstMs : 200 + backoffDelay(failures++, RETRY, random);
        retry = clock.setTimer(() => void work(), delayMs);
      }
      working = undefined;
      return failure;
    })();
    return working;
  }

  /** Syncs the devices of a change in order; what takes away comes before what gives, so a failure ends it. */
  async function apply(devices: readonly QueuedDevice[]): Promise<Outcome> {
    const steps: string[] = [];
    const first = devices.slice(0, DIRECT);
    for (const { id } of first) direct.add(id);
    try {
      for (const device of first) {
        const outcome = await sync(device);
        if (!outcome.ok) return outcome;
        steps.push(...outcome.steps);
      }
    } finally {
      for (const { id } of first) direct.delete(id);
    }
    if (devices.length <= DIRECT) return { ok: true, steps };
    const failure = await work();
    return failure === undefined ? { ok: true, steps } : { ok: false, failure, outage: true };
  }

  return {
    enqueue: (tx, deviceIds, reason) => enqueueChange(tx, deviceIds, reason, clock.now()),

    async flush({ devices, enqueuedAt }) {
      const late: Outcome = { ok: false, failure: 'Timed out waiting for the broker.', outage: false };
      const limit = Promise.withResolvers<Outcome>();
      const timer = clock.setTimer(() => limit.resolve(late), FLUSH_LIMIT_MS);
      const outcome = await Promise.race([apply(devices), limit.promise]);
      timer.cancel();
      if (outcome.ok) return applied(outcome.steps, clock.now() - enqueuedAt);
      void work();
      return { status: 'queued', steps: [], effectiveAfterMs: null, reason: outcome.failure };
    },

    start() {
      look ??= clock.setTicker(() => void work(), LOOK_INTERVAL_MS);
      urgentLook ??= clock.setTicker(() => void applyUrgent(), URGENT_LOOK_INTERVAL_MS);
      void work();
    },
    wake() {
      void work();
    },
    async close() {
      stopped = true;
      look?.cancel();
      urgentLook?.cancel();
      retry?.cancel();
      await working;
      await Promise.all(running.values());
    },
  };
}

function applied(steps: readonly string[], afterMs: number): Receipt {
  return { status: 'applied', steps: [...new Set(steps)], effectiveAfterMs: Math.max(0, afterMs) };
}

function failureOf(error: unknown): string {
  return error instanceof EmqxError ? error.message : 'The change could not be applied.';
}
