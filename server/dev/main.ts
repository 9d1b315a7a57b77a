import { networkInterfaces } from 'node:os';
import { join, resolve } from 'node:path';
import type { DevBroker } from '@simple-iot/dev-broker';
import { buildDashboard } from '../dashboard/build.ts';
import { ConfigError } from '../src/config.ts';
import { systemClock } from '../src/platform/clock.ts';
import { systemRandom } from '../src/platform/random.ts';
import type { Services } from '../src/server.ts';
import { announcement } from './announcement.ts';
import { readStackArguments, USAGE } from './arguments.ts';
import { type DataFolder, takeDataFolder } from './data-folder.ts';
import type { DemoDevice } from './demo/cast.ts';
import { type Demo, startDemo } from './demo/demo.ts';
import { seedDemo } from './demo/seed.ts';
import { freePorts } from './ports.ts';
import { openDatabase } from './postgres/database-folder.ts';
import type { LocalPostgres } from './postgres/postgres.ts';
import { type DevelopmentSecrets, loadOrCreateSecrets } from './secrets.ts';
import { type Environment, startBroker, startServer } from './stack.ts';
import { StackError } from './stack-error.ts';

const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 12_000;
/** The terminal and `bun run` each deliver a Ctrl-C; a second one of the user's comes later than that. */
const SAME_CTRL_C_MS = 1_000;

/** The parts of the running stack, in the order in which they were opened. */
interface Running {
  folder?: DataFolder;
  database?: LocalPostgres;
  broker?: DevBroker;
  services?: Services;
  demo?: Demo;
}

const running: Running = {};
let stoppingSince: number | undefined;

async function stop(exitCode: number): Promise<never> {
  stoppingSince ??= performance.now();
  setTimeout(() => process.exit(exitCode || 1), STOP_LIMIT_MS).unref();
  await running.demo?.close();
  await running.services?.close();
  await running.broker?.close();
  await running.database?.close();
  await running.folder?.release();
  process.exit(exitCode);
}

function onSignal(): void {
  if (stoppingSince === undefined) void stop(0);
  else if (performance.now() - stoppingSince > SAME_CTRL_C_MS) process.exit(1);
}

process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);
// The terminal is closed.
process.on('SIGHUP', onSignal);

try {
  await start();
} catch (error) {
  // What fails because the stack is being stopped while it starts is no failure.
  if (stoppingSince === undefined) {
    console.error(error instanceof StackError || error instanceof ConfigError ? error.message : error);
    await stop(1);
  }
}

async function start(): Promise<void> {
  const { demo, help } = readStackArguments(process.argv.slice(2));
  if (help) {
    console.log(USAGE);
    return await stop(0);
  }
  const command = `npx -y bun run dev${demo ? ' --demo' : ''}`;
  const dataDir = resolve(process.env.DATA_DIR || (demo ? '.data-demo' : '.data'));
  const given = demo ? { ...process.env, DATA_DIR: dataDir } : process.env;
  running.folder = await takeDataFolder(dataDir, given, command);
  const ports = await freePorts(process.env, command);
  const secrets = await loadOrCreateSecrets(dataDir);
  const [database] = await Promise.all([openDatabase(process.env.DATABASE_URL, dataDir), buildDashboard()]);
  running.database = database;
  const broker = await startBroker(
    {
      EMQX_API_KEY: 'simple-iot-server',
      MQTT_SECRET_KEY: process.env.MQTT_SECRET_KEY || secrets.MQTT_SECRET_KEY,
    },
    { mqttPort: ports.MQTT_PORT, apiPort: ports.EMQX_API_PORT, mqttHost: '0.0.0.0' },
  );
  running.broker = broker;
  const env = environment(secrets, database, broker, ports.PORT);
  const seed = { clock: systemClock, random: systemRandom, operator: env.ADMIN_USERNAME ?? '' };
  const devices: readonly DemoDevice[] | undefined = demo ? await seedDemo(database.url, seed) : undefined;
  running.services = await startServer(env);
  await running.services.started;
  await ready(running.services.url);
  if (devices) running.demo = startDemo({ ...seed, server: running.services.url, env, devices });
  const lines = await announcement({
    url: running.services.url,
    broker,
    env,
    given,
    demo,
    exampleUuid: secrets.EXAMPLE_UUID,
    dataDir,
    environmentFile: join(dataDir, 'server.env'),
  });
  console.log(lines.join('\n'));
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
