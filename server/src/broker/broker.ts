import { sql } from 'drizzle-orm';
import { type ReconcileReport, reconcileReport } from '../../contract/api/broker.ts';
import type { ConnectionState } from '../messaging/connection.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { databaseError } from '../platform/db/database-error.ts';
import { withDeadline } from '../platform/deadline.ts';
import { AppError } from '../platform/errors.ts';
import { underLease } from '../platform/lease.ts';
import { featureLogger, type Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Random } from '../platform/random.ts';
import { createChangeQueue } from './change-queue.ts';
import { type DesiredState, desiredState } from './desired-state.ts';
import { syncDevice } from './device-sync.ts';
import { createEmqx, type Emqx } from './emqx.ts';
import { brokerFigures } from './figures.ts';
import { reconcile } from './reconcile.ts';
import type { PresenceCorrection } from './reconcile-sessions.ts';
import { reconcileSettings } from './reconcile-settings.ts';
import { createReconciler, type ReconcilerStatus } from './reconciler.ts';
import { brokerRoutes } from './routes.ts';

export interface BrokerDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly emqx: { readonly apiUrl: string; readonly apiKey: string; readonly apiSecret: string };
  readonly jwtSecret: string;
  readonly instanceId: string;
  /** Whether the schema is in place; until then only the broker's settings are provisioned. */
  readonly databaseIsReady: () => boolean;
  /** State of the server's own MQTT session. */
  readonly connection: () => ConnectionState;
  /** Makes what corrects presence by the broker's list of sessions, read from `startedAt` (Unix milliseconds) on. */
  readonly presence: (startedAt: number) => PresenceCorrection;
}

const LEASE = 'reconcile';
/** A database that is silent for longer counts as unreachable. */
const DATABASE_LIMIT_MS = 4_000;
const RUN_LIMIT_MS = 5 * 60_000;

/** The broker as the server provisions it: changes by operators are synced immediately, the rest by reconciliation. */
export function createBroker(deps: BrokerDeps) {
  const { db, clock, random } = deps;
  const log = featureLogger(deps.log, 'Broker');
  const stopping = new AbortController();
  const emqx = createEmqx({ ...deps.emqx, clock, random, signal: stopping.signal });
  const desired = desiredState(deps.jwtSecret);
  const holder = `${deps.instanceId}-${Buffer.from(random.bytes(6)).toString('hex')}`;
  const changes = createChangeQueue({
    db,
    clock,
    random,
    log,
    sync: (deviceId) => syncDevice({ db, emqx, clock }, deviceId),
  });
  const figures = brokerFigures({ ...deps, isOnline: () => deps.connection() === 'online' });
  const reconciler = createReconciler({ clock, random, log, run: figures.counted(run) });

  async function run(): Promise<ReconcileReport | undefined> {
    if (!deps.databaseIsReady()) {
      await reconcileSettings(emqx, desired, true);
      return undefined;
    }
    try {
      await withDeadline(clock, DATABASE_LIMIT_MS, db.execute(sql`select 1`), 'the database');
      const work = () => reconcileNow({ db, emqx, clock, desired, presence: deps.presence }, true);
      const run = underLease({ db, clock, holder }, LEASE, work, stopping.signal);
      const leased = await withDeadline(clock, RUN_LIMIT_MS, run, 'the reconciliation of the broker');
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
    operatorRoutes: brokerRoutes({ db, clock, reconciler, connection: deps.connection }),
    checks: { broker_api: () => readiness(reconciler.status()) },
    /** Resolves after the first attempt to provision the broker, whatever its result. */
    async start() {
      const first = reconciler.runNow('start');
      reconciler.start();
      await first;
    },
    onDatabaseReady() {
      reconciler.request('database');
      changes.start();
    },
    onBrokerOnline() {
      reconciler.request('connected');
      if (deps.databaseIsReady()) changes.wake();
    },
    onBrokerRefused() {
      reconciler.request('refused');
    },
    async close() {
      stopping.abort();
      await Promise.all([reconciler.close(), changes.close()]);
    },
  };
}

export type Broker = ReturnType<typeof createBroker>;

function readiness({ state, failure }: ReconcilerStatus): string {
  return state === 'ok' ? 'ok' : (failure ?? 'not provisioned yet');
}

interface RunDeps extends Pick<BrokerDeps, 'presence'> {
  readonly db: Database;
  readonly emqx: Emqx;
  readonly clock: Clock;
  readonly desired: DesiredState;
}

/** One run of the reconciliation; with `repair` false it changes nothing. */
export function reconcileNow(deps: RunDeps, repair: boolean): Promise<ReconcileReport> {
  const { db, emqx, clock } = deps;
  return reconcile({
    ...deps,
    repair,
    presence: deps.presence(clock.now()),
    sync: (deviceId) => syncDevice({ db, emqx, clock }, deviceId),
  });
}
