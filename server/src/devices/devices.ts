import { Hono } from 'hono';
import type { DeviceRole } from '../../contract/roles.ts';
import type { BrokerChanges } from '../broker/changes.ts';
import { ipNetwork } from '../http/client-ip.ts';
import type { AppEnv } from '../http/device-answer.ts';
import { limitFailures, type StoreFactory } from '../http/rate-limit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { featureLogger, type Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Tokens } from '../tokens/token.ts';
import { deviceFigures } from './figures.ts';
import { createCredentialCheck } from './firmware/credential.ts';
import { firmwareRoutes, presentsCredential } from './firmware/firmware-routes.ts';
import { createRefusedCredentials } from './firmware/refused-credentials.ts';
import type { Enrollment } from './firmware/request-token.ts';
import type { RequireTokenDeps } from './firmware/require-token.ts';
import { createLastSeen } from './last-seen.ts';
import { deviceSource } from './live-source.ts';
import { operatorDeviceRoutes } from './operator/operator-routes.ts';
import { createDeviceStore } from './store.ts';

export interface DevicesDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tokens: Tokens;
  readonly changes: BrokerChanges;
  readonly stores: StoreFactory;
  readonly enrollment: Enrollment;
  readonly roleSecrets: Readonly<Record<DeviceRole, string>>;
  readonly deviceCredentials: 'shared' | 'derived';
  readonly tokenTtlSeconds: number;
  readonly mqttHost: string;
  readonly mqttTlsHost?: string | undefined;
  readonly trustProxyHops: number;
  readonly rateLimits: {
    /** Token requests of one device, per minute. */
    readonly device: number;
    /** Bad credentials of one address, per 10 minutes. */
    readonly failed: number;
    /** Devices that may register themselves, per hour. */
    readonly registrations: number;
  };
}

/** Devices: what they call themselves, and what operators do with them. */
export function createDevices(deps: DevicesDeps) {
  const { db, clock, tokens } = deps;
  const log = featureLogger(deps.log, 'Auth');
  deviceFigures(deps);
  const store = createDeviceStore(db, clock);
  const lastSeen = createLastSeen({ db, clock, log: featureLogger(deps.log, 'Devices') });
  const refusedCredentials = createRefusedCredentials({ db, clock, log });
  const onSeen = (deviceId: string) => lastSeen.add(deviceId, clock.now());
  const limitGuesses = limitFailures({
    clock,
    stores: deps.stores,
    name: 'bad credentials of an address',
    limit: deps.rateLimits.failed,
    windowMs: 10 * 60_000,
    key: (c) => ipNetwork(c.get('ip')),
  });
  const onRefused = refusedCredentials.add;
  const admission: RequireTokenDeps = { log, tokens, store, onSeen, onRefused, limitGuesses };
  const checkCredential = createCredentialCheck({ ...deps, store });

  return {
    /** What lets other features admit the bearer of a device token. */
    admission,
    /** Whether a request shows a good credential of a device. */
    hasCredential: presentsCredential({ tokens, checkCredential }),
    /** Notes that a device showed itself now. Cheap. */
    onSeen,
    deviceRoutes: new Hono<AppEnv>().route(
      '/',
      firmwareRoutes({
        ...admission,
        clock,
        tokens,
        store,
        checkCredential,
        enrollment: deps.enrollment,
        registrationsPerHour: deps.rateLimits.registrations,
        onRegistered: ({ id, role, state }) => log.info({ deviceId: id, role, state }, 'device registered'),
        mqttHost: deps.mqttHost,
        mqttTlsHost: deps.mqttTlsHost,
        limits: { ...deps.rateLimits, stores: deps.stores },
      }),
    ),
    operatorRoutes: operatorDeviceRoutes(deps),
    liveSources: [deviceSource],
    start() {
      lastSeen.start();
      refusedCredentials.start();
    },
    async close() {
      await Promise.all([lastSeen.close(), refusedCredentials.close()]);
    },
  };
}
