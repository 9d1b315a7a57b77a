import { randomUUID } from 'node:crypto';
import { type DevBroker, startDevBroker } from '@simple-iot/dev-broker';
import type { MqttClient } from 'mqtt';
import type { Receipt } from '../contract/api/broker.ts';
import { MIGRATIONS_FOLDER } from '../dev/stack.ts';
import { type Broker, createBroker } from '../src/broker/broker.ts';
import type { SessionFirst } from '../src/broker/desired-state.ts';
import { type Clock, systemClock } from '../src/platform/clock.ts';
import { type DatabaseClient, openDatabase } from '../src/platform/db/client.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { createMetrics } from '../src/platform/metrics.ts';
import { systemRandom } from '../src/platform/random.ts';
import { createPresenceCorrection } from '../src/presence/correction.ts';
import { createTokens, type Tokens } from '../src/tokens/token.ts';
import {
  brokerPorts,
  connectMqtt,
  createTestDatabase,
  JWT_SECRET,
  type TestDatabase,
  until,
} from './harness.ts';
import { silentLog } from './logs.ts';

const API = { apiKey: 'simple-iot-server', apiSecret: 'api-secret-0123456789' };

/** The broker feature alone: a database, a development broker, and instances that provision it. */
export interface BrokerRig {
  /** Of the database. */
  readonly url: string;
  readonly database: DatabaseClient;
  readonly dev: DevBroker;
  readonly instance: Broker;
  readonly tokens: Tokens;
  /** Another instance of the server on the same database and broker. */
  addInstance(sessionsFirst?: readonly SessionFirst[]): Broker;
  /** Adds a device to the database alone. */
  addDevice(role: 'master' | 'agent', masterId?: string): Promise<string>;
  connect(id: string, generation?: number): Promise<MqttClient>;
  /** Makes a change in the database as an operator's verb does, and applies it. */
  change(statement: string, deviceIds: readonly string[]): Promise<Receipt>;
  stopBroker(): Promise<void>;
  /** Starts an empty broker on the same ports. */
  startBroker(): Promise<void>;
  close(): Promise<void>;
}

export async function startBrokerRig(options: { clock?: Clock } = {}): Promise<BrokerRig> {
  const clock = options.clock ?? systemClock;
  const test: TestDatabase = await createTestDatabase();
  const database = openDatabase(test.url);
  await migrate(database.sql, MIGRATIONS_FOLDER);
  const brokerOptions = { ...API, clock, ...brokerPorts() };
  let dev = await startDevBroker(brokerOptions);
  let devRuns = true;
  const { apiUrl, mqttUrl } = dev;
  const tokens = await createTokens({ jwtSecret: JWT_SECRET, ttlSeconds: 3_600, clock });
  const instances: Broker[] = [];
  const clients: MqttClient[] = [];

  function addInstance(sessionsFirst: readonly SessionFirst[] = []): Broker {
    let schemaOpen = false;
    const instance = createBroker({
      db: database.db,
      clock,
      random: systemRandom,
      log: silentLog(),
      emqx: { apiUrl, ...API },
      jwtSecret: JWT_SECRET,
      instanceId: 'test',
      databaseIsReady: () => schemaOpen,
      connection: () => 'online',
      pingMs: () => undefined,
      tryMqtt: async () => undefined,
      metrics: createMetrics(),
      sessionsFirst,
      presence: () => createPresenceCorrection(database.db),
    });
    void instance.start();
    schemaOpen = true;
    instance.onDatabaseReady();
    instances.push(instance);
    return instance;
  }

  const instance = addInstance();
  await until('the broker is provisioned', () => instance.reconciler.status().state === 'ok');

  return {
    url: test.url,
    database,
    get dev() {
      return dev;
    },
    instance,
    tokens,
    addInstance,
    async addDevice(role, masterId) {
      const id = randomUUID();
      await database.sql`insert into devices (id, role, state, created_at, master_id)
        values (${id}, ${role}, 'active', now(), ${masterId ?? null})`;
      return id;
    },
    async connect(id, generation = 1) {
      const [device] = await database.sql<
        { role: 'master' | 'agent' }[]
      >`select role from devices where id = ${id}`;
      const { token, username } = await tokens.issue({ id, role: device?.role ?? 'agent', generation });
      const client = await connectMqtt(mqttUrl, { clientId: id, username, password: token });
      clients.push(client);
      return client;
    },
    async change(statement, deviceIds) {
      const enqueued = await database.db.transaction(async (tx) => {
        await tx.execute(statement);
        return await instance.changes.enqueue(tx, deviceIds, 'test');
      });
      return await instance.changes.flush(enqueued);
    },
    async stopBroker() {
      if (devRuns) await dev.close();
      devRuns = false;
    },
    async startBroker() {
      dev = await startDevBroker(brokerOptions);
      devRuns = true;
    },
    async close() {
      for (const client of clients) client.end(true);
      await Promise.all(instances.map((each) => each.close()));
      if (devRuns) await dev.close();
      await database.close(1_000);
      await test.close();
    },
  };
}
