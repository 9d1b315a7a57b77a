import { fileURLToPath } from 'node:url';
import { type DevBroker, startDevBroker } from '@simple-iot/dev-broker';
import { type Child, startChild } from './child.ts';
import { AGENT_SECRET, brokerPorts, createTestDatabase, JWT_SECRET, MASTER_SECRET } from './harness.ts';
import { reservePort } from './ports.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

export const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
export const API_SECRET = 'api-secret-of-the-child-0123456789';

/** What a server of its own process needs: a broker, and a database behind a proxy. */
export interface Surroundings {
  readonly broker: DevBroker;
  readonly proxy: TcpProxy;
  readonly env: Readonly<Record<string, string>>;
  /** The password in `DATABASE_URL`. */
  readonly databasePassword: string;
  /** Starts `server/src/main.ts`; resolves with its URL once it listens. */
  start(env?: Readonly<Record<string, string>>): Promise<{ child: Child; url: string }>;
  close(): Promise<void>;
}

/** @param database where it is, asked for at each connection; a database of its own in the shared PostgreSQL if not given. */
export async function startSurroundings(given?: () => URL): Promise<Surroundings> {
  const database = given ? undefined : await createTestDatabase();
  const address = given ?? (() => new URL(database?.url ?? ''));
  const broker = await startDevBroker({
    apiKey: 'simple-iot-server',
    apiSecret: API_SECRET,
    ...brokerPorts(),
  });
  const proxy = await startTcpProxy({ target: () => Number(address().port) });
  const url = address();
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  const env = {
    PORT: '0',
    DATABASE_URL: url.href,
    JWT_SECRET,
    DEVICE_MASTER_SECRET_KEY: MASTER_SECRET,
    DEVICE_AGENT_SECRET_KEY: AGENT_SECRET,
    MQTT_URL: broker.serverUrl,
    MQTT_HOST: `127.0.0.1:${broker.mqttPort}`,
    EMQX_API_URL: broker.apiUrl,
    EMQX_API_KEY: 'simple-iot-server',
    MQTT_SECRET_KEY: API_SECRET,
    INSTANCE_ID: 'child',
    LOG_FORMAT: 'json',
  };
  const children: Child[] = [];
  return {
    broker,
    proxy,
    env,
    databasePassword: url.password,
    async start(changed = {}) {
      const child = startChild([process.execPath, '--no-env-file', MAIN], {
        ...env,
        PORT: String(reservePort()),
        ...changed,
      });
      children.push(child);
      const [, json, pretty] = await child.prints(
        /"port":(\d+)[^\n]*"listening"|listening[\s\S]*?port: (\d+)/,
      );
      return { child, url: `http://127.0.0.1:${json ?? pretty}` };
    },
    async close() {
      await proxy.pass();
      for (const child of children) await child.end();
      await proxy.close();
      await broker.close();
      await database?.close();
    },
  };
}
