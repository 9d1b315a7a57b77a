import { type BackoffLimits, backoffDelay } from '../../platform/backoff.ts';
import { type Clock, sleep, unixSeconds } from '../../platform/clock.ts';
import type { Database, Queryable } from '../../platform/db/client.ts';
import { isTooSlow } from '../../platform/db/database-error.ts';
import { withDeadline } from '../../platform/deadline.ts';
import { errorCode } from '../../platform/errors.ts';
import { type FencedLease, LeaseLostError, requireLease } from '../../platform/fenced-lease.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Random } from '../../platform/random.ts';
import { storeAbouts } from './about.ts';
import {
  clearDeliveries,
  type DeliveryWindow,
  readDeliveryWindow,
  writeDeliveries,
} from './delivery-window.ts';
import { createDeviceState, type StreamId } from './device-state.ts';
import {
  type Acknowledgement,
  type BatchPlan,
  type DeviceDocument,
  planBatch,
  type ReadDelivery,
  type Reject,
  readDelivery,
  streamKey,
  type TelemetryRecord,
} from './plan-batch.ts';
import type { Delivery } from './windowed-consumer.ts';
import { insertRecords, insertRejects, markDirtyHours, writeCounts, writeStreams } from './write-batch.ts';

/** What other features do with a batch, in its transaction. What one of them throws keeps no record from being stored. */
export interface BatchHandlers {
  readonly records?: (
    tx: Queryable,
    records: readonly TelemetryRecord[],
    counts: BatchPlan['counts'],
  ) => Promise<void>;
  /** Records that are stored although `records` failed on them. */
  readonly skipped?: (tx: Queryable, records: readonly TelemetryRecord[]) => Promise<void>;
  readonly replies?: (tx: Queryable, replies: readonly DeviceDocument[]) => Promise<void>;
}

export interface BatchStoreDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly lease: FencedLease;
  readonly handlers: BatchHandlers;
  /** Makes the partitions that records up to a week old need. */
  readonly makePartitions: () => Promise<void>;
  /** Told after the commit. */
  readonly onStored: (plan: BatchPlan) => void;
  readonly onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void;
  readonly signal: AbortSignal;
}

export interface BatchStore {
  /**
   * Stores a batch exactly once, however often the database goes away meanwhile.
   *
   * @throws LeaseLostError; the signal's reason once it is aborted.
   */
  store(batch: readonly Delivery[]): Promise<void>;
  /** Forgets the packet ids of a session that is gone; the next one counts from 1 again. */
  startOver(): Promise<void>;
}

const RETRY: BackoffLimits = { firstMs: 100, capMs: 2_000 };
/** A connection that died without a word holds its transaction; the number of the batch keeps it from being stored twice. */
const TRANSACTION_LIMIT_MS = 20_000;
const HOUR_US = 3_600_000_000;
/** PostgreSQL's classes for bad data and for constraints. */
const DATA_ERROR = /^2[23]...$/;
const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';
/** Attempts in a row at which a statement took too long, after which less is tried at once. */
const SLOW_ATTEMPTS = 2;
/** Rejects kept in full for one device in an hour; beyond that they are only counted. */
const REJECTS_KEPT_PER_HOUR = 60;

/** What follows from a batch: all of it, all but what its records do, or nothing. */
type Extent = 'whole' | 'unprocessed' | 'plain';

/** Stores batches one after the other, each in one transaction with everything that follows from it. */
export function createBatchStore(deps: BatchStoreDeps): BatchStore {
  const { db, clock, log, lease, signal } = deps;
  const state = createDeviceState();
  const marked = new Set<string>();
  const rejectsKept = new Map<string, number>();
  let rejectsHour = 0;
  let claims = -1;
  let window: DeliveryWindow | undefined;
  /** What the database holds of the window belongs to a session that is gone. */
  let stale = false;
  let uncertain = false;
  let failures = 0;

  /** One attempt at a transaction. */
  async function attempt(batch: readonly ReadDelivery[], extent: Extent): Promise<void> {
    if (stale) await forgetDeliveries();
    window ??= await readDeliveryWindow(db);
    const { devices, boots } = namesOf(batch);
    await state.load(db, devices, boots);
    const now = unixSeconds(clock);
    const plan = planBatch(batch, { window, uncertain, streams: state.streams, now });
    const kept = keptOf(plan.rejects);
    const number = window.nextBatch();
    await withDeadline(
      clock,
      TRANSACTION_LIMIT_MS,
      db.transaction((tx) => write(tx, { ...plan, rejects: kept }, number, extent)),
      'the database',
    );
    window.add(number, plan.deliveries);
    state.update(plan.streams);
    for (const hour of hoursOf(plan.records)) marked.add(hour);
    for (const { deviceId = '' } of kept) rejectsKept.set(deviceId, (rejectsKept.get(deviceId) ?? 0) + 1);
    uncertain = false;
    failures = 0;
    deps.onAcknowledged(plan.acknowledgements);
    deps.onStored(plan);
  }

  async function forgetDeliveries(): Promise<void> {
    await clearDeliveries(db);
    window?.clear();
    stale = false;
  }

  async function write(tx: Queryable, plan: BatchPlan, number: number, extent: Extent): Promise<void> {
    const claimed = await requireLease(tx, lease);
    if (claimed !== claims) {
      claims = claimed;
      marked.clear();
    }
    const { keyOf } = state;
    const now = new Date(clock.now());
    // One after the other on the connection, without waiting for each answer.
    await Promise.all([
      // First: a batch whose commit is still under way on a lost connection has the same number, and this waits for it.
      writeDeliveries(tx, number, plan.deliveries, window?.oldestBatch() ?? 0),
      insertRecords(tx, plan.records, keyOf),
      writeStreams(tx, plan.streams.values(), keyOf, now),
      writeCounts(tx, plan.counts, keyOf, now),
      markDirtyHours(tx, newMarks(plan.records)),
      storeAbouts(tx, plan.abouts),
      insertRejects(tx, plan.rejects),
    ]);
    const { records, replies } = deps.handlers;
    if (plan.records.length > 0) {
      if (extent === 'whole') await records?.(tx, plan.records, plan.counts);
      else await deps.handlers.skipped?.(tx, plan.records);
    }
    if (plan.replies.length > 0 && extent !== 'plain') await replies?.(tx, plan.replies);
  }

  function newMarks(records: readonly TelemetryRecord[]): { device: number; hourMs: number }[] {
    return [...hoursOf(records)]
      .filter((hour) => !marked.has(hour))
      .map((hour) => {
        const [deviceId = '', hourNumber] = hour.split('/');
        return { device: state.keyOf(deviceId), hourMs: Number(hourNumber) * 3_600_000 };
      });
  }

  /** Those rejects that are kept in full; they count once they are stored, however often that is tried. */
  function keptOf(rejects: readonly Reject[]): Reject[] {
    const hour = Math.floor(clock.now() / 3_600_000);
    if (hour !== rejectsHour) rejectsKept.clear();
    rejectsHour = hour;
    const left = new Map<string, number>();
    return rejects.filter(({ deviceId = '' }) => {
      const places = left.get(deviceId) ?? REJECTS_KEPT_PER_HOUR - (rejectsKept.get(deviceId) ?? 0);
      left.set(deviceId, places - 1);
      return places > 0;
    });
  }

  async function storeRead(batch: readonly ReadDelivery[], extent: Extent = 'whole'): Promise<void> {
    for (let slow = 0; ; ) {
      signal.throwIfAborted();
      try {
        return await attempt(batch, extent);
      } catch (error) {
        if (error instanceof LeaseLostError) throw error;
        if (isPoison(error)) return await divide(batch, extent, error);
        await recover(error);
        slow = isTooSlow(error) ? slow + 1 : 0;
        if (slow >= SLOW_ATTEMPTS && extent === 'whole') return await storeUnprocessed(batch, error);
        if (slow >= SLOW_ATTEMPTS && batch.length > 1) return await storeHalves(batch, extent);
      }
    }
  }

  /** What one device has sent must not keep others waiting, however long it takes to process. */
  async function storeUnprocessed(batch: readonly ReadDelivery[], error: unknown): Promise<void> {
    log.warn({ err: error, messages: batch.length }, 'records are stored before they are processed');
    await storeRead(batch, 'unprocessed');
  }

  /** For a database that is too slow for all at once, or finds fault with one of them. */
  async function storeHalves(batch: readonly ReadDelivery[], extent: Extent): Promise<void> {
    const middle = Math.ceil(batch.length / 2);
    await storeRead(batch.slice(0, middle), extent);
    await storeRead(batch.slice(middle), extent);
  }

  /** Halves a batch down to the message that cannot be stored, which is kept aside. */
  async function divide(batch: readonly ReadDelivery[], extent: Extent, error: unknown): Promise<void> {
    const [only] = batch;
    if (batch.length > 1) {
      await storeHalves(batch, 'whole');
    } else if (only && extent !== 'plain') {
      log.warn({ err: error, topic: only.delivery.topic }, 'message cannot be processed');
      await storeRead(batch, 'plain');
    } else if (only && only.kind !== 'reject') {
      const { delivery, hash, deviceId } = only;
      await storeRead([{ delivery, hash, kind: 'reject', deviceId, reason: 'refused_by_database' }], 'plain');
    } else {
      throw error;
    }
  }

  /** After a failure that says nothing about the batch: it may be stored all the same, so what is known is read again. */
  async function recover(error: unknown): Promise<void> {
    uncertain = true;
    window = undefined;
    claims = -1;
    state.forget();
    if (failures === 0) log.warn({ err: error }, 'telemetry waits for the database');
    if (errorCode(error) === CHECK_VIOLATION) await deps.makePartitions().catch(() => {});
    await sleep(clock, 50 + backoffDelay(failures++, RETRY, deps.random), signal);
  }

  return {
    store: (batch) => storeRead(batch.map(readDelivery)),
    async startOver() {
      stale = true;
      await forgetDeliveries();
    },
  };
}

/** An error that comes again however often the batch is tried: of its data, or of the code that processes it. */
function isPoison(error: unknown): boolean {
  const code = errorCode(error);
  if (code === undefined) return true;
  // A batch number that is taken: the batch was committed. A check: there is no partition for a day yet.
  return DATA_ERROR.test(code) && code !== UNIQUE_VIOLATION && code !== CHECK_VIOLATION;
}

function namesOf(batch: readonly ReadDelivery[]): {
  readonly devices: ReadonlySet<string>;
  readonly boots: ReadonlyMap<string, StreamId>;
} {
  const devices = new Set<string>();
  const boots = new Map<string, StreamId>();
  for (const read of batch) {
    if (read.deviceId === undefined) continue;
    devices.add(read.deviceId);
    const number = read.kind === 'reject' ? undefined : read.number;
    if (number) boots.set(streamKey(read.deviceId, number.boot), { ...number, deviceId: read.deviceId });
  }
  return { devices, boots };
}

/** Device and hour since 1970 of each record, once. */
function hoursOf(records: readonly TelemetryRecord[]): Set<string> {
  return new Set(records.map(({ deviceId, atUs }) => `${deviceId}/${Math.floor(atUs / HOUR_US)}`));
}
