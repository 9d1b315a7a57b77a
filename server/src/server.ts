import { sql } from 'drizzle-orm';
import { createApp } from './api/app.ts';
import { createBroker } from './broker/broker.ts';
import type { Config } from './config.ts';
import { createCredentialCheck } from './devices/firmware/credential.ts';
import { createRefusedCredentials, writeRefusedCredentials } from './devices/firmware/refused-credentials.ts';
import { createDeviceStore } from './devices/firmware/store.ts';
import { createLastSeen, writeLastSeen } from './devices/last-seen.ts';
import { MAX_CSV_BYTES } from './http/body.ts';
import { memoryStores, type StoreFactory } from './http/rate-limit.ts';
import { createConnection, type Subscription } from './messaging/connection.ts';
import { createDispatcher } from './messaging/dispatch.ts';
import { pingHandler } from './messaging/ping.ts';
import { serverAcl, serverClientId } from './messaging/server-session.ts';
import { PING_FILTERS, PRESENCE_FILTERS, shared } from './messaging/topics.ts';
import { createOperators } from './operators/operators.ts';
import type { Clock } from './platform/clock.ts';
import { type Database, openDatabase } from './platform/db/client.ts';
import { migrateWhenReachable } from './platform/db/migrate.ts';
import { withDeadline } from './platform/deadline.ts';
import { errorCode } from './platform/errors.ts';
import { featureLogger, type Logger } from './platform/logger.ts';
import type { Random } from './platform/random.ts';
import { createPresence } from './presence/presence.ts';
import { writeSessionEvents } from './presence/store.ts';
import { createTokens } from './tokens/token.ts';

export interface ServicesDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly migrationsFolder: string;
  /** Where the built dashboard is. */
  readonly dashboardFolder: string;
  /** Counters of the rate limits; in this process unless given. */
  readonly stores?: StoreFactory;
}

export interface Services {
  /** `http://host:port` of this instance on the local machine. */
  readonly url: string;
  readonly db: Database;
  /** Resolves when the schema is in place and tokens are issued; rejects when the database refuses the server. */
  readonly started: Promise<void>;
  /** Messages handled since the start, by outcome. */
  messageCounts(): Readonly<Record<string, number>>;
  /** Stops taking requests, finishes those running, leaves the broker, closes the pool; at most about 9 s. */
  close(): Promise<void>;
}

const SERVER_TOKEN_TTL_SECONDS = 24 * 3_600;
const FIRST_PROVISIONING_MS = 3_000;
const HEALTH_LIMIT_MS = 2_000;
const REQUESTS_END_MS = 5_000;
const BROKER_LEAVE_MS = 1_500;
const WRITES_END_MS = 1_500;
const POOL_END_MS = 1_000;
const IDLE_TIMEOUT_SECONDS = 30;

/** Builds the server from its configuration and starts it. Listens at once; what needs the database waits for it. */
export async function startServices(config: Config, deps: ServicesDeps): Promise<Services> {
  const { clock, random, log } = deps;
  const stopping = new AbortController();
  const database = openDatabase(config.databaseUrl);
  const tokens = await createTokens({
    jwtSecret: config.jwtSecret,
    ttlSeconds: config.tokenTtlSeconds,
    clock,
  });

  const lastSeen = createLastSeen({
    clock,
    log: featureLogger(log, 'Devices'),
    write: (seen) => writeLastSeen(database.db, seen),
  });

  const refusedCredentials = createRefusedCredentials({
    clock,
    log: featureLogger(log, 'Auth'),
    write: (refusals) => writeRefusedCredentials(database.db, refusals),
  });

  const presence = createPresence({
    clock,
    log: featureLogger(log, 'Presence'),
    write: (events) => writeSessionEvents(database.db, events),
    onSeen: lastSeen.note,
  });

  let migrated = false;
  const broker = createBroker({
    ...config,
    db: database.db,
    clock,
    random,
    log,
  });

  const dispatcher = createDispatcher({
    log: featureLogger(log, 'Messaging'),
    handlers: {
      ping: pingHandler({
        publish: (topic, payload, qos) => connection.publish(topic, payload, qos),
        onSeen: lastSeen.note,
      }),
      client_connected: presence.onConnected,
      client_disconnected: presence.onDisconnected,
    },
  });
  const clientId = serverClientId(config.instanceId);
  const connection = createConnection({
    url: config.mqttUrl,
    clientId,
    password: () => tokens.issueForServer(clientId, serverAcl(), SERVER_TOKEN_TTL_SECONDS),
    subscriptions: [
      ...PING_FILTERS.map((filter): Subscription => ({ filter: shared(filter), qos: 2 })),
      ...PRESENCE_FILTERS.map((filter): Subscription => ({ filter: shared(filter), qos: 1 })),
    ],
    onMessage: dispatcher.dispatch,
    onOnline() {
      broker.reconciler.request('connected');
      if (migrated) broker.changes.wake();
    },
    onRefused: () => broker.reconciler.request('refused'),
    clock,
    random,
    log: featureLogger(log, 'MQTT'),
  });

  const stores = deps.stores ?? memoryStores(clock);
  const operators = createOperators({
    ...config,
    db: database.db,
    clock,
    random,
    log: featureLogger(log, 'Operators'),
    stores,
  });

  const authLog = featureLogger(log, 'Auth');
  const deviceStore = createDeviceStore(database.db, clock);
  const app = createApp({
    log: featureLogger(log, 'HTTP'),
    random,
    trustProxyHops: config.trustProxyHops,
    addressLimit: config.rateLimits.address,
    started: () => migrated,
    devices: {
      clock,
      log: authLog,
      tokens,
      store: deviceStore,
      checkCredential: createCredentialCheck({ ...config, tokens }),
      enrollment: config.enrollment,
      registrationsPerHour: config.rateLimits.registrations,
      onRegistered: ({ id, role, state }) => authLog.info({ deviceId: id, role, state }, 'device registered'),
      mqttHost: config.mqttHost,
      mqttTlsHost: config.mqttTlsHost,
      onSeen: lastSeen.note,
      onRefused: refusedCredentials.note,
      limits: { ...config.rateLimits, stores },
    },
    pairing: {
      db: database.db,
      clock,
      random,
      log: authLog,
      tokens,
      store: deviceStore,
      onSeen: lastSeen.note,
      onRefused: refusedCredentials.note,
      changes: broker.changes,
      codeSecret: config.jwtSecret,
      limits: { ...config.rateLimits, stores },
    },
    api: {
      trustProxyHops: config.trustProxyHops,
      operators,
      broker: { db: database.db, clock, reconciler: broker.reconciler, connection: connection.state },
      fleet: {
        db: database.db,
        clock,
        changes: broker.changes,
        tokenTtlSeconds: config.tokenTtlSeconds,
        roleSecrets: config.roleSecrets,
        trustProxyHops: config.trustProxyHops,
      },
    },
    dashboard: { folder: deps.dashboardFolder },
    health: {
      checks: {
        database: async () => {
          if (!migrated) return 'waiting for the database';
          const answer = withDeadline(clock, HEALTH_LIMIT_MS, database.db.execute(sql`select 1`));
          return await answer.then(
            () => 'ok',
            () => 'not reachable',
          );
        },
        broker_api: () => {
          const { state, failure } = broker.reconciler.status();
          return state === 'ok' ? 'ok' : (failure ?? 'not provisioned yet');
        },
        broker_mqtt: () => (connection.state() === 'online' ? 'ok' : connection.state()),
      },
    },
  });

  const server = listen({
    port: config.port,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    maxRequestBodySize: MAX_CSV_BYTES,
    fetch: app.fetch,
  });
  log.info({ port: server.port, instance: config.instanceId }, 'listening');

  // A broker that is not provisioned yet would only refuse the session.
  void withDeadline(clock, FIRST_PROVISIONING_MS, broker.start())
    .catch(() => {})
    .then(connection.start);
  lastSeen.start();
  refusedCredentials.start();
  presence.start();
  const started = migrateWhenReachable(
    database.sql,
    deps.migrationsFolder,
    { clock, random, log: featureLogger(log, 'Database') },
    stopping.signal,
    operators.databaseIsReady,
  ).then(() => {
    migrated = !stopping.signal.aborted;
    if (migrated) broker.databaseIsReady();
  });

  return {
    url: `http://127.0.0.1:${server.port}`,
    db: database.db,
    started,
    messageCounts: dispatcher.counts,
    async close() {
      stopping.abort();
      const stopped = server.stop();
      server.closeIdleConnections();
      await withDeadline(clock, REQUESTS_END_MS, stopped).catch(() => server.stop(true));
      // What waits for a database that does not answer is left behind.
      const inTime = (limitMs: number, work: Promise<unknown>) =>
        withDeadline(clock, limitMs, work).catch(() => {});
      await Promise.all([connection.close(BROKER_LEAVE_MS), inTime(BROKER_LEAVE_MS, broker.close())]);
      const notes = [lastSeen.close(), presence.close(), refusedCredentials.close()];
      await inTime(WRITES_END_MS, Promise.all([started.catch(() => {}), ...notes]));
      await database.close(POOL_END_MS);
    },
  };
}

/** Listens on all addresses of both families, or of IPv4 alone on a machine without IPv6. */
function listen(options: { port: number; idleTimeout: number; maxRequestBodySize: number; fetch: Fetch }) {
  try {
    return Bun.serve({ ...options, hostname: '::' });
  } catch (error) {
    if (errorCode(error) === 'EADDRINUSE') throw error;
    return Bun.serve({ ...options, hostname: '0.0.0.0' });
  }
}

type Fetch = ReturnType<typeof createApp>['fetch'];
