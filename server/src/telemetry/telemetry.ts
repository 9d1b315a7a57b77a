import { Hono } from 'hono';
import { ackTopic } from '../../contract/topics.ts';
import type { ApiEnv } from '../http/actor.ts';
import type { StillAuthenticated } from '../http/viewers.ts';
import type { Clock } from '../platform/clock.ts';
import type { DatabaseClient } from '../platform/db/client.ts';
import { featureLogger, type Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Random } from '../platform/random.ts';
import type { Tokens } from '../tokens/token.ts';
import { accountReading, telemetryFigures } from './figures.ts';
import { createAcknowledger } from './ingest/acknowledger.ts';
import type { BatchHandlers } from './ingest/batch-store.ts';
import { createIngest, INGEST_CLIENT_ID, INGEST_FILTERS } from './ingest/ingest.ts';
import { createSessionWatch, type SessionQueue } from './ingest/session-watch.ts';
import { readArrivals, readLatestValues } from './live/latest-values.ts';
import { createLive } from './live/live.ts';
import { deviceTelemetryRoutes } from './routes/device.ts';
import { telemetryExportRoutes } from './routes/export.ts';
import { telemetryImportRoutes } from './routes/import.ts';
import { ingestRoutes } from './routes/ingest.ts';
import { liveRoutes } from './routes/live.ts';
import { recordRoutes } from './routes/records.ts';
import { createMaintenance } from './store/maintenance.ts';
import { makeTelemetryPartitions, type Retention } from './store/retention.ts';

export interface TelemetryDeps {
  readonly database: DatabaseClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The broker as the server reaches it. */
  readonly mqttUrl: string;
  readonly instanceId: string;
  readonly retention: Retention;
  readonly tokens: Pick<Tokens, 'issueForServer'>;
  /** Sends through the instance's own session; false when that is down. */
  readonly publish: (topic: string, payload: string, qos: 1) => boolean;
  /** What the broker says of the session. */
  readonly broker: {
    readonly queue: (clientId: string) => Promise<SessionQueue | undefined>;
    /** Messages in flight at most, as the broker is set. */
    readonly maxInflight: number;
  };
  readonly stillAuthenticated: StillAuthenticated;
  /** What other features do with a batch, in its transaction. */
  readonly handlers?: BatchHandlers;
  /** Told of every device whose message was stored. */
  readonly onSeen?: (deviceId: string) => void;
  /** Told of the devices whose replies were stored. */
  readonly onReplies?: (deviceIds: Iterable<string>) => void;
  /** Called when the broker was reached but refused the ingest session. */
  readonly onRefused?: () => void;
}

const TOKEN_TTL_SECONDS = 24 * 3_600;
/** For the batch under way, and again for the session to end. */
const CLOSE_STEP_MS = 600;

/** Takes in what devices measure, keeps it for as long as it is to be kept, and answers questions about it. */
export function createTelemetry(deps: TelemetryDeps) {
  const { clock, random, database } = deps;
  const { db } = database;
  const log = featureLogger(deps.log, 'Telemetry');
  const counts = { stored: 0, repeated: 0, rejected: 0, replies: 0, abouts: 0 };
  const acknowledger = createAcknowledger({ clock, publish: deps.publish });
  const makePartitions = () => makeTelemetryPartitions(database.sql, clock.now());

  const stopping = new AbortController();
  const live = createLive({ db, clock, log, stillAuthenticated: deps.stillAuthenticated });
  const ingest = createIngest({
    ...deps,
    db,
    log,
    password: (clientId) =>
      deps.tokens.issueForServer(
        clientId,
        INGEST_FILTERS.map((topic) => ({ permission: 'allow', action: 'subscribe', topic })),
        TOKEN_TTL_SECONDS,
      ),
    handlers: deps.handlers ?? {},
    makePartitions,
    onAcknowledged: acknowledger.note,
    onRefused: deps.onRefused ?? (() => {}),
    onStored(plan) {
      counts.stored += plan.records.length;
      counts.rejected += plan.rejects.length;
      counts.replies += plan.replies.length;
      counts.abouts += plan.abouts.length;
      for (const [deviceId, { repeated }] of plan.counts) {
        counts.repeated += repeated;
        deps.onSeen?.(deviceId);
      }
      if (plan.replies.length > 0) deps.onReplies?.(new Set(plan.replies.map(({ deviceId }) => deviceId)));
      live.ring(plan.counts.keys());
    },
  });
  const sessionWatch = createSessionWatch({
    db,
    clock,
    log,
    isOnline: () => ingest.state() === 'online',
    readQueue: () => deps.broker.queue(INGEST_CLIENT_ID),
    maxInflight: deps.broker.maxInflight,
    reconnect: ingest.reconnect,
  });
  const holder = `${deps.instanceId}/${Buffer.from(random.bytes(6)).toString('hex')}`;
  const maintenance = createMaintenance({ ...deps, log, holder });

  const account = accountReading(clock, db);
  telemetryFigures({ metrics: deps.metrics, account, db, clock, waiting: ingest.waiting });
  const state = ingest.state;
  const queryDeps = { db, clock, telemetrySeconds: deps.retention.telemetrySeconds };

  return {
    operatorRoutes: new Hono<ApiEnv>()
      .route('/', recordRoutes(queryDeps))
      .route('/', telemetryExportRoutes(queryDeps))
      .route(
        '/',
        telemetryImportRoutes({
          database,
          clock,
          telemetrySeconds: deps.retention.telemetrySeconds,
          stopping: stopping.signal,
        }),
      )
      .route('/', deviceTelemetryRoutes(queryDeps))
      .route('/', liveRoutes({ db, clock, live, stopping: stopping.signal }))
      .route('/', ingestRoutes({ db, account, ingest: { ...ingest, counts: () => ({ ...counts }) } })),
    /** What the live streams of the fleet read. */
    values: {
      arrivals: (wanted: Parameters<typeof readArrivals>[1], afterUs: number) =>
        readArrivals(db, wanted, afterUs),
      latest: (deviceIds: readonly string[]) => readLatestValues(db, deviceIds),
    },
    sessionRights: [{ action: 'publish' as const, topic: ackTopic('+') }],
    checks: {
      telemetry() {
        if (state() !== 'online' && state() !== 'standby') return state();
        const remark = sessionWatch.remark();
        return remark === undefined ? 'ok' : `ok, but ${remark}`;
      },
    },
    state,
    /** Messages that have arrived here and are not stored yet. */
    waiting: ingest.waiting,
    /** Makes partitions and rollups and drops what has expired, as every minute. */
    maintain: maintenance.run,
    /** Reads what the broker says of the session, as every 15 s. */
    lookAtSession: sessionWatch.look,
    onDatabaseReady() {
      acknowledger.start();
      maintenance.start();
      ingest.start();
      sessionWatch.start();
    },
    onStopping: () => stopping.abort(),
    async close() {
      await sessionWatch.close();
      await ingest.close(CLOSE_STEP_MS);
      acknowledger.close();
      live.close();
      await maintenance.close();
    },
  };
}

export type Telemetry = ReturnType<typeof createTelemetry>;
