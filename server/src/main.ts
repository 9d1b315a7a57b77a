import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { ListenError } from './http/listen.ts';
import { systemClock } from './platform/clock.ts';
import { readDatabaseTime } from './platform/db/database-clock.ts';
import { startFailure } from './platform/db/database-error.ts';
import { errorCode } from './platform/errors.ts';
import { createLogger } from './platform/logger.ts';
import { systemRandom } from './platform/random.ts';
import { type Services, startServices } from './server.ts';

const STOP_LIMIT_MS = 9_500;

function readConfig(): Config {
  try {
    return loadConfig(process.env, hostname());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

const config = readConfig();
const log = createLogger({ debug: config.debug, format: config.logFormat });
const starting = start();
let stopping = false;

// Before anything is awaited, so that a signal during the start ends the server in order too.
process.on('SIGTERM', () => void stop('SIGTERM', 0));
process.on('SIGINT', () => void stop('SIGINT', 0));

const services = await starting;
services.started.catch((error: unknown) => {
  log.fatal({ reason: startFailure(error), code: errorCode(error) }, 'the server cannot use its database');
  void stop('database', 1);
});

async function start(): Promise<Services> {
  try {
    return await startServices(config, {
      clock: systemClock,
      databaseTime: readDatabaseTime,
      random: systemRandom,
      log,
      migrationsFolder: fileURLToPath(new URL('../drizzle', import.meta.url)),
      dashboardFolder: fileURLToPath(new URL('../dashboard/build', import.meta.url)),
    });
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    const { port, code } = error;
    const what = code === 'EADDRINUSE' ? 'the port is in use' : 'the port cannot be listened on';
    const variable = port === config.metricsPort ? 'METRICS_PORT' : 'PORT';
    log.fatal({ port, code }, `${what}: check ${variable}`);
    process.exit(1);
  }
}

async function stop(reason: string, exitCode: number): Promise<void> {
  if (stopping) process.exit(exitCode || 1);
  stopping = true;
  log.info({ reason }, 'stopping');
  setTimeout(() => process.exit(exitCode || 1), STOP_LIMIT_MS).unref();
  await (await starting).close();
  log.info('stopped');
  process.exit(exitCode);
}
