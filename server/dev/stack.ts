import { fileURLToPath } from 'node:url';
import { type DevBroker, type DevBrokerOptions, startDevBroker } from '@simple-iot/dev-broker';
import { DASHBOARD_FOLDER } from '../dashboard/build.ts';
import { loadConfig } from '../src/config.ts';
import { type Clock, systemClock } from '../src/platform/clock.ts';
import { readDatabaseTime } from '../src/platform/db/database-clock.ts';
import { createLogger, type Logger } from '../src/platform/logger.ts';
import { systemRandom } from '../src/platform/random.ts';
import { type Services, startServices } from '../src/server.ts';

export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../drizzle', import.meta.url));

/** Starts an embedded broker with the API key of the environment. */
export function startBroker(env: Environment, options: Partial<DevBrokerOptions> = {}): Promise<DevBroker> {
  return startDevBroker({
    ...options,
    apiKey: env.EMQX_API_KEY ?? '',
    apiSecret: env.MQTT_SECRET_KEY ?? '',
  });
}

export type Environment = Readonly<Record<string, string | undefined>>;

interface ServerOptions {
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** Starts the server from an environment, as `main.ts` does, against whatever database and broker that names. */
export function startServer(env: Environment, options: ServerOptions = {}): Promise<Services> {
  const config = loadConfig(env, 'dev');
  return startServices(config, {
    clock: options.clock ?? systemClock,
    ...(options.clock ? {} : { databaseTime: readDatabaseTime }),
    random: systemRandom,
    log: options.log ?? createLogger({ debug: config.debug, format: config.logFormat }),
    migrationsFolder: MIGRATIONS_FOLDER,
    dashboardFolder: DASHBOARD_FOLDER,
  });
}
