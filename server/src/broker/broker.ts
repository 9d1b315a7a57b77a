import { sql } from 'drizzle-orm';
import { type ReconcileReport, reconcileReport } from '../../contract/api/broker.ts';
import type { Clock } from '../platform/clock.ts';
import { type Database, databaseError } from '../platform/db/client.ts';
import { withDeadline } from '../platform/deadline.ts';
import { AppError } from '../platform/errors.ts';
import { underLease } from '../platform/lease.ts';
import { featureLogger, type Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { createPresenceCorrection } from '../presence/correction.ts';
import { type ChangeQueue, createChangeQueue } from './change-queue.ts';
import { type DesiredState, desiredState } from './desired-state.ts';
import { syncDevice } from './device-sync.ts';
import { createEmqx, type Emqx } from './emqx.ts';
import { reconcile } from './reconcile.ts';
import { reconcileSettings } from './reconcile-settings.ts';
import { createReconciler, type Reconciler } from './reconciler.ts';

export interface BrokerDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly emqx: { readonly apiUrl: string; readonly apiKey: string; readonly apiSecret: string };
  readonly jwtSecret: string;
  readonly instanceId: string;
}

/** The broker as the server provisions it: what operators change reaches it at once, all else by reconciliation. */
export interface Broker {
  readonly changes: ChangeQueue;
  readonly reconciler: Reconciler;
  /**
   * Provisions the broker's settings from now on; devices and changes as soon as the database is ready. Resolves after the
   * first try, whatever came out of it.
   */
  start(): Promise<void>;
  /** Tells that the schema is in place. */
  databaseIsReady(): void;
  close(): Promise<void>;
}

const LEASE = 'reconcile';
/** A database that is silent for longer counts as unreachable. */
const DATABASE_LIMIT_MS = 4_000;
const RUN_LIMIT_MS = 5 * 60_000;

export function createBroker(deps: BrokerDeps): Broker {
  const { db, clock, random } = deps;
  const log = featureLogger(deps.log, 'Broker');
  const stopping = new AbortController();
  const emqx = createEmqx({ ...deps.emqx, clock, random, signal: stopping.signal });
  const desired = desiredState(deps.jwtSecret);
  const holder = `${deps.instanceId}-${Buffer.from(random.bytes(6)).toString('hex')}`;
  let databaseReady = false;
  const changes = createChangeQueue({
    db,
    clock,
    random,
    log,
    sync: (deviceId) => syncDevice({ db, emqx, clock }, deviceId),
  });
  const reconciler = createReconciler({ clock, random, log, run });

  async function run(): Promise<ReconcileReport | undefined> {
    if (!databaseReady) {
      await reconcileSettings(emqx, desired, true);
      return undefined;
    }
    try {
      await withDeadline(clock, DATABASE_LIMIT_MS, db.execute(sql`select 1`));
      const work = () => reconcileNow({ db, emqx, clock, desired }, true);
      const run = underLease({ db, clock, holder }, LEASE, work, stopping.signal);
      const leased = await withDeadline(clock, RUN_LIMIT_MS, run);
      return leased.by === 'us' ? leased.result : reconcileReport.parse(leased.result);
    } catch (thrown) {
      const error = databaseError(thrown);
      // The settings need no database: a broker must not stay open, or closed, because that is down.
      if (error instanceof AppError) await reconcileSettings(emqx, desired, true);
      throw error;
    }
  }

  return {
    changes,
    reconciler,
    async start() {
      const first = reconciler.runNow('start');
      reconciler.start();
      await first;
    },
    databaseIsReady() {
      databaseReady = true;
      reconciler.request('database');
      changes.start();
    },
    async close() {
      stopping.abort();
      await Promise.all([reconciler.close(), changes.close()]);
    },
  };
}

interface RunDeps {
  readonly db: Database;
  readonly emqx: Emqx;
  readonly clock: Clock;
  readonly desired: DesiredState;
}

/** One run of the reconciliation, or with `repair` false a look that changes nothing. */
export function reconcileNow(deps: RunDeps, repair: boolean): Promise<ReconcileReport> {
  const { db, emqx, clock } = deps;
  return reconcile({
    ...deps,
    repair,
    presence: createPresenceCorrection(db, clock.now()),
    sync: (deviceId) => syncDevice({ db, emqx, clock }, deviceId),
  });
}
