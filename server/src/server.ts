import type { Hono } from 'hono';
import { type AlertsDeps, createAlerts } from './alerts/alerts.ts';
import { createApp } from './api/app.ts';
import { IDLE_TIMEOUT_SECONDS } from './api/operator-api.ts';
import { createAudit } from './audit/routes.ts';
import { createBroker } from './broker/broker.ts';
import { createBulk } from './bulk/bulk.ts';
import { createCommands } from './commands/commands.ts';
import type { Config } from './config.ts';
import { createDevices } from './devices/devices.ts';
import type { Check } from './health/routes.ts';
import { MAX_TELEMETRY_BYTES } from './http/body.ts';
import type { AppEnv } from './http/device-answer.ts';
import { listen } from './http/listen.ts';
import { memoryStores, type StoreFactory } from './http/rate-limit.ts';
import { createLiveEvents } from './live/live.ts';
import type { MessageRoute } from './messaging/dispatch.ts';
import { createMessaging, type SessionRight } from './messaging/messaging.ts';
import { createPing } from './messaging/ping.ts';
import { trySession } from './messaging/try-session.ts';
import { createMetricsPage } from './metrics/metrics.ts';
import { createOperators } from './operators/operators.ts';
import { createPairing } from './pairing/pairing.ts';
import type { Clock } from './platform/clock.ts';
import { type Database, type DatabaseClient, openDatabase } from './platform/db/client.ts';
import { createDatabaseClock, type DatabaseTime } from './platform/db/database-clock.ts';
import { createSchemaGate } from './platform/db/schema-gate.ts';
import { withDeadline } from './platform/deadline.ts';
import type { LiveSource } from './platform/live-source.ts';
import { featureLogger, type Logger } from './platform/logger.ts';
import { createMetrics } from './platform/metrics.ts';
import type { Random } from './platform/random.ts';
import { createPresenceCorrection } from './presence/correction.ts';
import { createPresence } from './presence/presence.ts';
import { INGEST_SESSION } from './telemetry/ingest/ingest.ts';
import { createTelemetry } from './telemetry/telemetry.ts';
import { createTokens } from './tokens/token.ts';

export interface ServicesDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly migrationsFolder: string;
  /** Where the built dashboard is. */
  readonly dashboardFolder: string;
  /** What the times that are stored and compared go by; the given clock unless given. */
  readonly databaseTime?: DatabaseTime;
  /** IP addresses of the hosts that alerts are delivered to; the machine's resolver unless given. */
  readonly resolve?: AlertsDeps['resolve'];
  /** Counters of the rate limits; in this process unless given. */
  readonly stores?: StoreFactory;
}

export interface Services {
  /** `http://host:port` of this instance on the local machine. */
  readonly url: string;
  readonly db: Database;
  /** Resolves when the schema is in place and tokens are issued; rejects when the database refuses the server. */
  readonly started: Promise<void>;
  /** Port of `/metrics`, where it has one of its own. */
  metricsPort(): number | undefined;
  /** Messages handled since the start, by outcome. */
  messageCounts(): Readonly<Record<string, number>>;
  /** Stops taking requests, finishes those running, leaves the broker, closes the pool; at most about 9 s. */
  close(): Promise<void>;
}

/** What a feature may bring to the server; each `createX(deps)` returns the parts that it has. */
interface Feature {
  /** What devices call. */
  readonly deviceRoutes?: Hono<AppEnv>;
  /** What is answered to anyone, whatever the state of the database. */
  readonly openRoutes?: Hono<AppEnv> | undefined;
  /** What operators call; `api/` mounts it by name, so that the typed client knows it. */
  readonly operatorRoutes?: unknown;
  /** Messages that it handles, and what else the server's MQTT session may do for it. */
  readonly messages?: readonly MessageRoute[];
  readonly sessionRights?: readonly SessionRight[];
  /** What live streams tell of it. */
  readonly liveSources?: readonly LiveSource[];
  /** What `/health/ready` reports. */
  readonly checks?: Readonly<Record<string, Check>>;
  start?(): unknown;
  /** Called once the schema is in place, before anything is answered from it. */
  prepareDatabase?(): Promise<void>;
  onDatabaseReady?(): void;
  /** Called each time the server's MQTT session is up, or was refused. */
  onBrokerOnline?(): void;
  onBrokerRefused?(): void;
  /** Called first when the server stops: ends requests that would go on by themselves. */
  onStopping?(): void;
  close?(): Promise<void>;
}

const FIRST_PROVISIONING_MS = 3_000;
const HEALTH_LIMIT_MS = 2_000;
const REQUESTS_END_MS = 5_000;
const BROKER_LEAVE_MS = 1_500;
const FEATURES_END_MS = 1_500;
const POOL_END_MS = 1_000;

/** Builds the server from its configuration and starts it. Listens at once; what needs the database waits for it. */
export async function startServices(config: Config, deps: ServicesDeps): Promise<Services> {
  const { random, log } = deps;
  const clock = createDatabaseClock(deps.clock, deps.databaseTime);
  const stores = deps.stores ?? memoryStores(clock);
  const metrics = createMetrics();
  const database = openDatabase(config.databaseUrl, metrics);
  const { db } = database;
  const schema = createSchemaGate({ ...deps, clock, database, log: featureLogger(log, 'Database') });
  const tokens = await createTokens({ ...config, ttlSeconds: config.tokenTtlSeconds, clock });
  const common = { ...config, db, clock, random, stores, tokens, metrics };

  const messaging = createMessaging({ ...common, log: featureLogger(log, 'MQTT') });
  const broker = createBroker({
    ...common,
    log: featureLogger(log, 'Broker'),
    databaseIsReady: schema.isOpen,
    connection: messaging.state,
    pingMs: () => ping.medianMs(),
    sessionsFirst: [INGEST_SESSION],
    presence: () => createPresenceCorrection(db),
    tryMqtt: () => trySession({ ...config, tokens, name: `doctor-${config.instanceId}` }),
  });
  const { changes } = broker;
  const operators = createOperators({ ...common, log: featureLogger(log, 'Operators') });
  const audit = createAudit({ ...common, log: featureLogger(log, 'Audit') });
  const devices = createDevices({ ...common, changes, log });
  const { admission, onSeen } = devices;
  const pairing = createPairing({ ...common, changes, admission });
  const bulk = createBulk({ ...common, changes });
  const commands = createCommands({
    ...common,
    log: featureLogger(log, 'Commands'),
    deliver: broker.deliver,
  });
  const presence = createPresence({
    ...common,
    onSeen,
    onConnected: commands.onConnected,
    log: featureLogger(log, 'Presence'),
  });
  const ping = createPing({ publish: messaging.publish, onSeen, metrics });
  const alerts = createAlerts({ ...common, resolve: deps.resolve, log: featureLogger(log, 'Alerts') });
  const telemetry = createTelemetry({
    ...common,
    database,
    log,
    publish: messaging.publish,
    onSeen,
    onRefused: broker.onBrokerRefused,
    broker,
    handlers: {
      records: alerts.evaluateRecords,
      skipped: alerts.noteSkipped,
      replies: commands.storeReplies,
    },
    onReplies: commands.onReplies,
    stillAuthenticated: operators.stillAuthenticated,
  });
  const metricsPage = createMetricsPage({ ...common, registry: metrics, log: featureLogger(log, 'Metrics') });
  const ofFeatures: readonly Feature[] = [
    metricsPage,
    broker,
    operators,
    audit,
    devices,
    pairing,
    presence,
    commands,
    ping,
    telemetry,
    alerts,
  ];

  const events = createLiveEvents({
    ...common,
    log: featureLogger(log, 'Events'),
    sources: ofFeatures.flatMap((feature) => feature.liveSources ?? []),
    values: telemetry.values,
    stillAuthenticated: operators.stillAuthenticated,
  });
  const features: readonly Feature[] = [...ofFeatures, events];

  const app = createApp({
    ...common,
    log: featureLogger(log, 'HTTP'),
    addressLimit: config.rateLimits.address,
    hasCredential: devices.hasCredential,
    started: schema.isOpen,
    dashboardFolder: deps.dashboardFolder,
    openRoutes: features.flatMap((feature) => feature.openRoutes ?? []),
    deviceRoutes: features.flatMap((feature) => feature.deviceRoutes ?? []),
    operatorApi: {
      ...common,
      operators,
      audit,
      broker,
      devices,
      bulk,
      pairing,
      presence,
      commands,
      telemetry,
      alerts,
      events,
    },
    checks: {
      database: () => (schema.isOpen() ? databaseCheck(database, clock) : 'waiting for the database'),
      ...Object.assign({}, ...features.map((feature) => feature.checks)),
      broker_mqtt: messaging.readiness,
    },
  });

  const server = listen({
    port: config.port,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    maxRequestBodySize: MAX_TELEMETRY_BYTES,
    fetch: app.fetch,
  });
  log.info({ port: server.port, instance: config.instanceId }, 'listening');

  const startedFeatures = Promise.all(features.map((feature) => feature.start?.()));
  // A broker that is not provisioned yet would only refuse the session.
  void withDeadline(clock, FIRST_PROVISIONING_MS, startedFeatures, 'the features')
    .catch(() => {})
    .then(() =>
      messaging.start({
        routes: features.flatMap((feature) => feature.messages ?? []),
        rights: features.flatMap((feature) => feature.sessionRights ?? []),
        onOnline: () => features.forEach((feature) => void feature.onBrokerOnline?.()),
        onRefused: () => features.forEach((feature) => void feature.onBrokerRefused?.()),
      }),
    );
  const started = schema
    .open(async () => {
      await clock.start(db);
      for (const feature of features) await feature.prepareDatabase?.();
    })
    .then(() => {
      if (schema.isOpen()) for (const feature of features) feature.onDatabaseReady?.();
    });

  return {
    url: `http://127.0.0.1:${server.port}`,
    db,
    started,
    metricsPort: metricsPage.port,
    messageCounts: messaging.counts,
    async close() {
      // What waits for a database or broker that does not answer is left behind.
      const inTime = (limitMs: number, work: Promise<unknown>) =>
        withDeadline(clock, limitMs, work, 'the end of the server').catch(() => {});
      schema.close();
      for (const feature of features) feature.onStopping?.();
      clock.close();
      const stopped = server.stop();
      server.closeIdleConnections();
      await withDeadline(clock, REQUESTS_END_MS, stopped, 'requests').catch(() => {
        log.warn({ afterMs: REQUESTS_END_MS }, 'requests were cut off');
        return server.stop(true);
      });
      await messaging.close(BROKER_LEAVE_MS);
      const closed = features.toReversed().map((feature) => feature.close?.());
      await inTime(FEATURES_END_MS, Promise.all([started.catch(() => {}), ...closed]));
      await database.close(POOL_END_MS);
    },
  };
}

async function databaseCheck(database: DatabaseClient, clock: Clock): Promise<string> {
  const state = withDeadline(clock, HEALTH_LIMIT_MS, database.state(), 'the database');
  return await state.catch(() => 'not reachable');
}
