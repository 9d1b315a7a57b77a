import { randomUUID } from 'node:crypto';
import { type DevBroker, type DevBrokerOptions, startDevBroker } from '@simple-iot/dev-broker';
import type { IClientOptions, MqttClient } from 'mqtt';
import postgres from 'postgres';
import { z } from 'zod';
import { requestToken } from '../dev/device-http.ts';
import { connectMqtt } from '../dev/device-session.ts';
import { startServer } from '../dev/stack.ts';
import { type Clock, systemClock } from '../src/platform/clock.ts';
import { createLogger, type Logger } from '../src/platform/logger.ts';
import { deviceKey } from '../src/platform/secrets.ts';
import type { Services } from '../src/server.ts';
import { reservePort } from './ports.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

export { createTestDatabase, type TestDatabase } from './test-database.ts';

export const MASTER_SECRET = 'master-secret-0123456789';
export const AGENT_SECRET = 'agent-secret-0123456789';
export const JWT_SECRET = '0123456789abcdef0123456789abcdef';
const API_KEY = 'simple-iot-server';
const API_SECRET = 'api-secret-0123456789';

export interface StackOptions {
  /** Variables that differ from the harness's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  /** Lines of the server's log; silent unless given. */
  readonly log?: Logger;
  /** A database that outlives the stack. */
  readonly database?: TestDatabase;
  /** Whether a broker runs from the start. */
  readonly broker?: boolean;
  /** Whether to wait until the server is ready. */
  readonly waitReady?: boolean;
}

/** The whole product on free ports: PostgreSQL, the development broker, and the server as `main.ts` starts it. */
export interface Stack {
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  services: Services;
  broker: DevBroker;
  readonly database: TestDatabase;
  /** A connection of the test's own to the database. */
  readonly sql: postgres.Sql;
  stopBroker(): Promise<void>;
  /** Starts an empty broker on the ports of the one before. */
  startBroker(): Promise<void>;
  stopServer(): Promise<void>;
  /** Restarts the server on the same port, with changed variables if given. */
  startServer(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Resolves when `/health/ready` answers 200. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog();
  const database = options.database ?? (await createTestDatabase());
  const brokerOptions = { apiKey: API_KEY, apiSecret: API_SECRET, clock, ...brokerPorts() };
  let broker = await startDevBroker(brokerOptions);
  if (options.broker === false) await broker.close();

  let env: Record<string, string> = {
    PORT: String(reservePort()),
    DATABASE_URL: database.url,
    JWT_SECRET,
    DEVICE_MASTER_SECRET_KEY: MASTER_SECRET,
    DEVICE_AGENT_SECRET_KEY: AGENT_SECRET,
    MQTT_URL: broker.serverUrl,
    MQTT_HOST: `127.0.0.1:${broker.mqttPort}`,
    EMQX_API_URL: broker.apiUrl,
    EMQX_API_KEY: API_KEY,
    MQTT_SECRET_KEY: API_SECRET,
    INSTANCE_ID: 'test',
    ...options.env,
  };
  let services = await startServer(env, { clock, log });
  const { url } = services;
  const sql = postgres(database.url, { max: 2, onnotice: () => {} });
  let brokerRuns = options.broker !== false;
  let serverRuns = true;

  const stack: Stack = {
    url,
    get env() {
      return env;
    },
    get services() {
      return services;
    },
    get broker() {
      return broker;
    },
    database,
    sql,
    async stopBroker() {
      if (brokerRuns) await broker.close();
      brokerRuns = false;
    },
    async startBroker() {
      await stack.stopBroker();
      broker = await startDevBroker(brokerOptions);
      brokerRuns = true;
    },
    async stopServer() {
      if (serverRuns) await services.close();
      serverRuns = false;
    },
    async startServer(changed = {}) {
      await stack.stopServer();
      env = { ...env, ...changed };
      services = await startServer(env, { clock, log });
      serverRuns = true;
      await services.started;
    },
    ready: () => untilReady(url),
    async close() {
      await sql.end();
      await stack.stopServer();
      await stack.stopBroker();
      if (!options.database) await database.close();
    },
  };
  if (options.waitReady !== false) {
    await services.started;
    if (brokerRuns) await stack.ready();
  }
  return stack;
}

/** For a broker that is stopped and started again. */
export function brokerPorts(): Pick<DevBrokerOptions, 'mqttPort' | 'serverPort' | 'apiPort'> {
  return { mqttPort: reservePort(), serverPort: reservePort(), apiPort: reservePort() };
}

function silentLog(): Logger {
  return createLogger({ debug: false, format: 'json', destination: { write: () => {} } });
}

/** Waits until a server answers that it is ready. */
export async function untilReady(url: string, limitMs?: number): Promise<void> {
  let answer = 'no answer';
  await until(
    () => `the server is ready: ${answer}`,
    async () => {
      const response = await fetch(`${url}/health/ready`);
      answer = await response.text();
      return response.ok;
    },
    limitMs,
  );
}

/** Waits for a condition that another process or connection brings about, looking at it again and again. */
export async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) {
      throw new Error(`timed out waiting for: ${typeof what === 'string' ? what : what()}`);
    }
    await Bun.sleep(10);
  }
}

/** Any answer of the device API. */
export const deviceAnswer = z.object({
  c: z.string(),
  r: z.string().optional(),
  m: z.string().optional(),
  t: z.string().optional(),
  u: z.string().optional(),
  x: z.number().optional(),
  n: z.number().optional(),
  ip: z.string().optional(),
  tls: z.string().optional(),
});

export type DeviceAnswer = z.output<typeof deviceAnswer> & {
  readonly status: number;
  readonly headers: Headers;
};

/** Calls a device route with a bearer credential. */
export async function callDevice(
  url: string,
  path: string,
  credential?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<DeviceAnswer> {
  const response = await fetch(`${url}${path}`, {
    headers: { ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }), ...headers },
  });
  return { ...deviceAnswer.parse(await response.json()), status: response.status, headers: response.headers };
}

export function tokenPath(uuid: string): string {
  return `/auth/devices/request?uuid=${uuid}`;
}

/** A device that has its token. */
export interface TestDevice {
  readonly uuid: string;
  readonly role: 'master' | 'agent';
  readonly token: string;
  readonly username: string;
}

/** Has a device registered, with its role's secret, and answered a token. */
export async function registerDevice(
  url: string,
  role: 'master' | 'agent' = 'agent',
  uuid: string = randomUUID(),
): Promise<TestDevice> {
  const secret = role === 'master' ? MASTER_SECRET : AGENT_SECRET;
  const result = await requestToken(url, uuid, deviceKey(secret, uuid));
  if (!result.ok) throw new Error(`no token: ${result.failure.message}`);
  return { uuid, role, token: result.answer.t, username: result.answer.u };
}

/** Connects a device to the broker as firmware does. Rejects with the CONNACK code in `code` when refused. */
export function connectDevice(
  mqttUrl: string,
  device: TestDevice,
  options: IClientOptions = {},
): Promise<MqttClient> {
  return connectMqtt(mqttUrl, {
    clientId: device.uuid,
    username: device.username,
    password: device.token,
    ...options,
  });
}

export { connectMqtt };

export interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** Collects what a client receives; `next` waits for one more message. */
export function inbox(client: MqttClient): { readonly all: Received[]; next(): Promise<Received> } {
  const all: Received[] = [];
  let read = 0;
  const waiting: ((message: Received) => void)[] = [];
  client.on('message', (topic, payload, packet) => {
    const message = { topic, payload: payload.toString('utf8'), qos: packet.qos, retain: packet.retain };
    all.push(message);
    const waiter = waiting.shift();
    if (waiter) {
      read++;
      waiter(message);
    }
  });
  return {
    all,
    next() {
      const message = all[read];
      if (message) {
        read++;
        return Promise.resolve(message);
      }
      const { promise, resolve, reject } = Promise.withResolvers<Received>();
      const limit = setTimeout(() => reject(new Error('no message arrived')), 10_000);
      waiting.push((arrived) => {
        clearTimeout(limit);
        resolve(arrived);
      });
      return promise;
    },
  };
}
