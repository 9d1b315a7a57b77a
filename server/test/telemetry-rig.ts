import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { type Clock, systemClock } from '../src/platform/clock.ts';
import { type DatabaseClient, openDatabase } from '../src/platform/db/client.ts';
import { createMetrics } from '../src/platform/metrics.ts';
import { systemRandom } from '../src/platform/random.ts';
import { INGEST_CLIENT_ID } from '../src/telemetry/ingest/ingest.ts';
import { createTelemetry, type Telemetry, type TelemetryDeps } from '../src/telemetry/telemetry.ts';
import { type BrokerRig, startBrokerRig } from './broker-rig.ts';
import { connectMqtt, until } from './harness.ts';
import { silentLog } from './logs.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** The telemetry feature alone: instances of it on one database and one broker, each behind proxies of its own. */
export interface TelemetryRig {
  readonly broker: BrokerRig;
  readonly sql: BrokerRig['database']['sql'];
  /** What instances have sent to devices: topic and payload. */
  readonly sent: { readonly topic: string; readonly payload: string }[];
  /** Starts an instance; resolves at once. */
  start(options?: Partial<TelemetryDeps>): Promise<Instance>;
  /** A client that may publish to every topic. */
  publisher(): Promise<MqttClient>;
  /** `count` publishes to the data topic of a device, QoS 1, in order. */
  send(client: MqttClient, deviceId: string, bodies: readonly unknown[]): Promise<void>;
  /** The records of a device in the order of receipt. */
  records(deviceId: string): Promise<Record<string, unknown>[]>;
  account(
    deviceId: string,
  ): Promise<{ stored: number; lost: number; repeated: number; rejected: number } | undefined>;
  close(): Promise<void>;
}

export interface Instance {
  readonly telemetry: Telemetry;
  /** Between it and the database. */
  readonly databaseProxy: TcpProxy;
  /** Between it and the broker. */
  readonly mqttProxy: TcpProxy;
  readonly database: DatabaseClient;
  online(): Promise<void>;
  close(): Promise<void>;
}

const DAY = 86_400;

export async function startTelemetryRig(options: { clock?: Clock } = {}): Promise<TelemetryRig> {
  const clock = options.clock ?? systemClock;
  const broker = await startBrokerRig();
  const { sql } = broker.database;
  const instances: Instance[] = [];
  const clients: MqttClient[] = [];
  const sent: { topic: string; payload: string }[] = [];

  async function start(changed: Partial<TelemetryDeps> = {}): Promise<Instance> {
    const target = broker.database.sql.options;
    const databaseProxy = await startTcpProxy({ target: () => Number(target.port[0]) });
    const mqttProxy = await startTcpProxy({ target: () => broker.dev.serverPort });
    const url = new URL(broker.url);
    url.hostname = '127.0.0.1';
    url.port = String(databaseProxy.port);
    const database = openDatabase(url.href);
    const telemetry = createTelemetry({
      database,
      clock,
      random: systemRandom,
      metrics: createMetrics(),
      log: silentLog(),
      mqttUrl: `mqtt://127.0.0.1:${mqttProxy.port}`,
      instanceId: `instance-${instances.length}`,
      retention: { telemetrySeconds: 90 * DAY, rollupSeconds: 5 * 365 * DAY },
      tokens: broker.tokens,
      broker: broker.instance,
      stillAuthenticated: async () => () => true,
      publish: (topic, payload) => {
        sent.push({ topic, payload });
        return true;
      },
      ...changed,
    });
    telemetry.onDatabaseReady();
    let open = true;
    const instance: Instance = {
      telemetry,
      databaseProxy,
      mqttProxy,
      database,
      online: () => until('the ingest session is up', () => telemetry.state() === 'online'),
      async close() {
        if (!open) return;
        open = false;
        await telemetry.close();
        await database.close(500);
        await databaseProxy.close();
        await mqttProxy.close();
      },
    };
    instances.push(instance);
    return instance;
  }

  return {
    broker,
    sql,
    sent,
    start,
    async publisher() {
      const clientId = `server-${randomUUID()}`;
      const password = await broker.tokens.issueForServer(
        clientId,
        [{ permission: 'allow', action: 'all', topic: '#' }],
        3_600,
      );
      const client = await connectMqtt(broker.dev.serverUrl, { clientId, username: clientId, password });
      clients.push(client);
      return client;
    },
    async send(client, deviceId, bodies) {
      await Promise.all(
        bodies.map((body) =>
          client.publishAsync(
            `device/${deviceId}/data`,
            typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
            { qos: 1 },
          ),
        ),
      );
    },
    async records(deviceId) {
      const rows = await sql<{ data: Record<string, unknown> }[]>`
        select data from telemetry join telemetry_devices on key = device
        where device_id = ${deviceId} order by received`;
      return rows.map(({ data }) => data);
    },
    async account(deviceId) {
      const [row] = await sql<{ stored: number; lost: number; repeated: number; rejected: number }[]>`
        select stored::int, lost::int, repeated::int, rejected::int from telemetry_devices
        where device_id = ${deviceId}`;
      return row;
    },
    async close() {
      for (const client of clients) client.end(true);
      for (const instance of instances) await instance.close();
      await broker.close();
    },
  };
}

/** Ends the session as an operator or a broker that loses its memory does: what it held is gone. */
export async function loseIngestSession(rig: TelemetryRig): Promise<void> {
  const { apiUrl } = rig.broker.dev;
  const authorization = `Basic ${btoa('simple-iot-server:api-secret-0123456789')}`;
  await fetch(`${apiUrl}/clients/${INGEST_CLIENT_ID}`, { method: 'DELETE', headers: { authorization } });
}
