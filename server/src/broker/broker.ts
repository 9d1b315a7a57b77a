import { sql } from 'drizzle-orm';
import { type ReconcileReport, reconcileReport } from '../../contract/api/broker.ts';
import type { ConnectionState } from '../messaging/connection.ts';
import type { Clock } from '../platform/clock.ts';
import { underLock } from '../platform/db/advisory-lock.ts';
import type { Database } from '../platform/db/client.ts';
import { databaseError } from '../platform/db/database-error.ts';
import { withDeadline } from '../platform/deadline.ts';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Random } from '../platform/random.ts';
import { createChangeQueue } from './change-queue.ts';
import { desiredState, MAX_INFLIGHT, type SessionFirst } from './desired-state.ts';
import { queueState } from './device-store.ts';
import { syncDevice } from './device-sync.ts';
import { createEmqx } from './emqx.ts';
import { type Examination, examine } from './examine.ts';
import { brokerFigures } from './figures.ts';
import { closeBroker, inspectSettings } from './reconcile.ts';
import { reconcileNow } from './reconcile-now.ts';
import type { PresenceCorrection } from './reconcile-sessions.ts';
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
  /** `host:port` of MQTT over TLS, where there is a TLS listener. */
  readonly mqttTlsHost?: string | undefined;
  readonly instanceId: string;
  /** Sessions that the broker must hold before devices are let in; none unless given. */
  readonly sessionsFirst?: readonly SessionFirst[];
  /** Whether the schema is in place; until then only the broker's settings are provisioned. */
  readonly databaseIsReady: () => boolean;
  /** State of the server's own MQTT session. */
  readonly connection: () => ConnectionState;
  readonly pingMs: () => number | undefined;
  /** Makes what corrects presence by the broker's list of sessions, for one run. */
  readonly presence: () => PresenceCorrection;
  /** Connects to the broker once as the server does; why it failed, if it did. */
  readonly tryMqtt: () => Promise<string | undefined>;
}

const LOCK = 'reconcile';
/** A database that is silent for longer counts as unreachable. */
const DATABASE_LIMIT_MS = 4_000;
const RUN_LIMIT_MS = 5 * 60_000;

/** The broker as the server provisions it: changes by operators are synced immediately, the rest by reconciliation. */
export function createBroker(deps: BrokerDeps) {
  const { db, clock, random, log } = deps;
  const stopping = new AbortController();
  const connect = (signal: AbortSignal) => createEmqx({ ...deps.emqx, clock, random, signal });
  const emqx = connect(stopping.signal);
  const { sessionsFirst } = deps;
  const desired = desiredState(deps.jwtSecret, { tls: deps.mqttTlsHost !== undefined, sessionsFirst });
  const holder = `${deps.instanceId}-${Buffer.from(random.bytes(6)).toString('hex')}`;
  const changes = createChangeQueue({
    db,
    clock,
    random,
    log,
    sync: (deviceId) => syncDevice({ db, emqx, clock }, deviceId),
    probe: emqx.nodes,
  });
  const figures = brokerFigures({ ...deps, isOnline: () => deps.connection() === 'online' });
  const reconciler = createReconciler({
    clock,
    random,
    log,
    run: figures.counted(run),
    look: () => inspectSettings(emqx, desired, clock),
  });
  /** Until a run has ended: the broker may have allowed more before this process began. */
  let suspectSubscriptions = true;

  const firstWithDatabase = Promise.withResolvers<void>();

  async function run(): Promise<ReconcileReport | undefined> {
    if (!deps.databaseIsReady()) {
      await closeBroker(emqx, desired);
      return undefined;
    }
    try {
      await withDeadline(clock, DATABASE_LIMIT_MS, db.execute(sql`select 1`), 'the database');
      const work = async (held: AbortSignal) => {
        const { presence } = deps;
        const report = await reconcileNow(
          { db, emqx: connect(held), clock, desired, presence, suspectSubscriptions },
          true,
        );
        suspectSubscriptions = false;
        return report;
      };
      const run = underLock({ db, clock, holder }, LOCK, work, stopping.signal);
      const done = await withDeadline(clock, RUN_LIMIT_MS, run, 'the reconciliation of the broker');
      return done.by === 'us' ? done.result : reconcileReport.parse(done.result);
    } catch (thrown) {
      // It may have closed what was open, and ended before it looked at subscriptions.
      suspectSubscriptions = true;
      const error = databaseError(thrown);
      // The settings need no database: a broker must not stay open because that is down.
      if (error instanceof AppError) await closeBroker(emqx, desired);
      throw error;
    }
  }

  async function examineNow(): Promise<Examination> {
    const examination = await examine({
      db,
      clock,
      desired,
      connect: (signal) => connect(AbortSignal.any([signal, stopping.signal])),
      presence: deps.presence,
      tryMqtt: deps.tryMqtt,
    });
    for (const outcome of Object.values(examination)) {
      if (outcome.is === 'failed') log.warn({ err: outcome.error }, 'a check could not be made');
    }
    return examination;
  }

  return {
    changes,
    reconciler,
    /** Publishes; false when nobody listens. */
    deliver: emqx.publish,
    /** The queue of a session of the server's, and how much of it may be in flight. */
    queue: emqx.queue,
    maxInflight: MAX_INFLIGHT,
    operatorRoutes: brokerRoutes({
      db,
      clock,
      reconciler,
      connection: deps.connection,
      pingMs: deps.pingMs,
      examine: examineNow,
    }),
    checks: {
      broker_api: () => readiness(reconciler.status()),
      broker_changes: () => (deps.databaseIsReady() ? queueReadiness(db, clock) : 'waiting for the database'),
    },
    /** Resolves after the first try to admit clients, whatever came out of it. */
    async start() {
      const first = reconciler.runNow('start');
      reconciler.start();
      if ((await first).state === 'never') await firstWithDatabase.promise;
    },
    onDatabaseReady() {
      void reconciler.runNow('database').then(() => firstWithDatabase.resolve());
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

const OLD_CHANGE_SECONDS = 10;

/** Changes that wait are told, and do not make an instance unready: another one could do no better. */
async function queueReadiness(db: Database, clock: Clock): Promise<string> {
  const state = queueState(db);
  const { length, oldestSeconds } = await withDeadline(clock, DATABASE_LIMIT_MS, state, 'the database').catch(
    () => ({ length: 0, oldestSeconds: 0 }),
  );
  if ((oldestSeconds ?? 0) < OLD_CHANGE_SECONDS) return 'ok';
  return `ok: ${length} changes are waiting, the oldest for ${oldestSeconds} s`;
}

function readiness({ state, failure }: ReconcilerStatus): string {
  return state === 'ok' ? 'ok' : (failure ?? 'not provisioned yet');
}
