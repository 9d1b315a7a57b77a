import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import type { DevBroker } from '@simple-iot/dev-broker';
import { buildDashboard } from '../dashboard/build.ts';
import { ConfigError } from '../src/config.ts';
import type { Services } from '../src/server.ts';
import { exampleLines } from './example-lines.ts';
import { freePort, PortInUseError } from './ports.ts';
import { openDatabase } from './postgres/database-folder.ts';
import type { LocalPostgres } from './postgres/postgres.ts';
import { PostgresError } from './postgres/postgres-error.ts';
import { type DevelopmentSecrets, loadOrCreateSecrets } from './secrets.ts';
import { type Environment, startBroker, startServer } from './stack.ts';

const READY_LIMIT_MS = 30_000;

/** The parts of the running stack, in the order in which they were opened. */
interface Running {
  database?: LocalPostgres;
  broker?: DevBroker;
  services?: Services;
}

const running: Running = {};
let stopping = false;

async function stop(exitCode: number): Promise<never> {
  if (stopping) process.exit(exitCode || 1);
  stopping = true;
  setTimeout(() => process.exit(exitCode || 1), 12_000).unref();
  await running.services?.close();
  await running.broker?.close();
  await running.database?.close();
  process.exit(exitCode);
}

process.on('SIGINT', () => void stop(0));
process.on('SIGTERM', () => void stop(0));

try {
  await start();
} catch (error) {
  // What fails because the stack is being stopped while it starts is no failure.
  if (!stopping) {
    if ([PortInUseError, ConfigError, PostgresError].some((known) => error instanceof known))
      console.error((error as Error).message);
    else console.error(error);
    await stop(1);
  }
}

async function start(): Promise<void> {
  const port = await freePort('PORT', process.env.PORT || '3000', '::');
  const mqttPort = await freePort('MQTT_PORT', process.env.MQTT_PORT || '1883', '0.0.0.0');
  const apiPort = await freePort('EMQX_API_PORT', process.env.EMQX_API_PORT || '18083', '127.0.0.1');
  const dataDir = resolve(process.env.DATA_DIR || '.data');
  const secrets = await loadOrCreateSecrets(dataDir);
  const dashboard = buildDashboard();

  const database = await openDatabase(process.env.DATABASE_URL, dataDir);
  running.database = database;
  const broker = await startBroker(
    {
      EMQX_API_KEY: 'simple-iot-server',
      MQTT_SECRET_KEY: process.env.MQTT_SECRET_KEY || secrets.MQTT_SECRET_KEY,
    },
    { mqttPort, apiPort, mqttHost: '0.0.0.0' },
  );
  running.broker = broker;
  const env = environment(secrets, database, broker, port);
  running.services = await startServer(env);
  await Promise.all([running.services.started, dashboard]);
  await ready(running.services.url);
  await print(running.services, broker, env, secrets, dataDir);
}

function environment(
  secrets: DevelopmentSecrets,
  database: LocalPostgres,
  broker: DevBroker,
  port: number,
): Environment {
  const given = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value));
  return {
    ...secrets,
    MQTT_HOST: `${lanAddress()}:${broker.mqttPort}`,
    INSTANCE_ID: 'dev',
    ...given,
    PORT: String(port),
    DATABASE_URL: database.url,
    MQTT_URL: broker.serverUrl,
    EMQX_API_URL: broker.apiUrl,
    EMQX_API_KEY: 'simple-iot-server',
  };
}

/** An address under which devices in the same network reach this machine, or the loopback address if there is none. */
function lanAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

async function ready(url: string): Promise<void> {
  const until = performance.now() + READY_LIMIT_MS;
  let last = '';
  while (performance.now() < until) {
    const answer = await fetch(`${url}/health/ready`);
    if (answer.ok) return;
    last = await answer.text();
    await Bun.sleep(50);
  }
  throw new Error(`The server did not become ready: ${last}`);
}

async function print(
  services: Services,
  broker: DevBroker,
  env: Environment,
  secrets: DevelopmentSecrets,
  dataDir: string,
): Promise<void> {
  const lines = [
    '',
    'Simple IoT Server, development stack',
    '',
    `  dashboard         ${services.url}`,
    `  MQTT              mqtt://127.0.0.1:${broker.mqttPort}   (told to devices: ${env.MQTT_HOST})`,
    `  EMQX REST API     ${broker.apiUrl}`,
    `  data and secrets  ${dataDir}`,
    '',
    `  DEVICE_MASTER_SECRET_KEY  ${env.DEVICE_MASTER_SECRET_KEY}`,
    `  DEVICE_AGENT_SECRET_KEY   ${env.DEVICE_AGENT_SECRET_KEY}`,
    `  administrator             ${env.ADMIN_USERNAME} / ${env.ADMIN_PASSWORD}   (as made at the first start)`,
    '',
    ...(await exampleLines({
      url: services.url,
      mqttPort: broker.mqttPort,
      uuid: secrets.EXAMPLE_UUID,
      agentSecret: env.DEVICE_AGENT_SECRET_KEY ?? '',
    })),
    '',
    'A simulated device:  npx -y bun run device',
    'Ctrl-C stops the stack; devices are kept.',
    '',
    'ready',
  ];
  console.log(lines.join('\n'));
}
