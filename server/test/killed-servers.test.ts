import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { createDeviceClient, type DeviceClient } from '../dev/device-client.ts';
import { type LocalPostgres, startPostgres } from '../dev/postgres/postgres.ts';
import { systemClock } from '../src/platform/clock.ts';
import { systemRandom } from '../src/platform/random.ts';
import type { Child } from './child.ts';
import { AGENT_SECRET, until } from './harness.ts';
import { type Surroundings, startSurroundings } from './server-child.ts';

const DEVICES = 200;
const RECORD_EVERY_MS = 1_000;
const KILLS = 10;
const POSTGRES_RESTARTS_AFTER = 3;
const BROKER_RESTARTS_WITH = 5;
const BROKER_RESTARTS_AFTER = 8;
/** All are back, and what waited is stored: with the longest waits of devices and of the server's own sessions. */
const SETTLE_LIMIT_MS = 120_000;

interface Sender {
  readonly uuid: string;
  readonly client: DeviceClient;
  /** Numbers 1 to this were sent. */
  sent: number;
  failure: string;
}

let folder: string;
let database: LocalPostgres;
let surroundings: Surroundings;
let server: { readonly child: Child; readonly url: string };
const senders: Sender[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'killed-servers-'));
  database = await startPostgres({ folder: join(folder, 'postgres') });
  surroundings = await startSurroundings(() => new URL(database.url));
  server = await surroundings.start({ RATE_LIMIT_ADDRESS: '100000' });
}, 90_000);
afterAll(async () => {
  await Promise.all(senders.map(({ client }) => client.close()));
  await surroundings.close();
  await database.close();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

function startSender(): Sender {
  const uuid = randomUUID();
  const sender: Sender = {
    uuid,
    sent: 0,
    failure: '',
    client: createDeviceClient({
      server: server.url,
      uuid,
      credential: AGENT_SECRET,
      clock: systemClock,
      random: systemRandom,
      onEvent(event) {
        if (event.type === 'failure') sender.failure = event.failure.message;
      },
    }),
  };
  sender.client.start();
  return sender;
}

/** Records of all devices until the function that is returned is called. */
function sendRecords(): () => void {
  const ticker = systemClock.setTicker(() => {
    for (const sender of senders) sender.client.record({ i: ++sender.sent });
  }, RECORD_EVERY_MS);
  return () => ticker.cancel();
}

/** As a power cut of the server's machine does. */
async function killServer(): Promise<void> {
  server.child.signal('SIGKILL');
  await server.child.exited;
}

async function startServer(): Promise<void> {
  const { port } = new URL(server.url);
  server = await surroundings.start({ PORT: port, RATE_LIMIT_ADDRESS: '100000' });
}

async function restartPostgres(): Promise<void> {
  await database.close();
  database = await startPostgres({ folder: join(folder, 'postgres') });
}

async function acknowledgedByAll(): Promise<void> {
  const waiting = () => senders.filter(({ client }) => client.records().waiting > 0);
  const what = () =>
    `${waiting().length} devices' records are acknowledged: ${waiting()
      .slice(0, 5)
      .map(({ uuid, client, failure }) => `${uuid} online ${client.online()} ${failure}`)
      .join(', ')}`;
  await until(what, () => waiting().length === 0, SETTLE_LIMIT_MS);
}

/** Each device's numbers in the order of receipt. */
async function storedNumbers(sql: postgres.Sql): Promise<ReadonlyMap<string, readonly number[]>> {
  const rows = await sql<{ device: string; numbers: number[] }[]>`
    select device_id as device, array_agg((data->>'n')::int order by received) as numbers
    from telemetry join telemetry_devices on key = device group by device_id`;
  return new Map(rows.map(({ device, numbers }) => [device, numbers]));
}

test(`${DEVICES} devices' records are stored once each and in order, whatever is killed meanwhile`, async () => {
  for (let at = 0; at < DEVICES; at++) senders.push(startSender());
  await until('all are online', () => senders.every(({ client }) => client.online()), 60_000);
  const stopRecords = sendRecords();
  for (let kill = 1; kill <= KILLS; kill++) {
    const since = senders.map(({ client, sent }) => sent - client.records().waiting);
    await until(
      'half of the devices are served again',
      () => {
        const served = senders.filter(
          ({ client, sent }, at) => sent - client.records().waiting > (since[at] ?? 0),
        );
        return served.length >= DEVICES / 2;
      },
      60_000,
    );
    await Bun.sleep(randomInt(500));
    await killServer();
    if (kill === BROKER_RESTARTS_WITH) await surroundings.broker.restart();
    await startServer();
    if (kill === POSTGRES_RESTARTS_AFTER) await restartPostgres();
    if (kill === BROKER_RESTARTS_AFTER) await surroundings.broker.restart();
  }
  stopRecords();
  await acknowledgedByAll();

  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    const stored = await storedNumbers(sql);
    const [totals] = await sql<{ stored: number; repeated: number; lost: number }[]>`
      select sum(stored)::int as stored, sum(repeated)::int as repeated, sum(lost)::int as lost from telemetry_devices`;
    const sent = senders.reduce((sum, each) => sum + each.sent, 0);
    const acknowledged = sent - senders.reduce((sum, { client }) => sum + client.records().waiting, 0);
    process.stdout.write(`${JSON.stringify({ sent, acknowledged, ...totals })}\n`);
    for (const { uuid, sent } of senders) {
      expect(stored.get(uuid)).toEqual(Array.from({ length: sent }, (_, at) => at + 1));
    }
    expect(totals).toMatchObject({ stored: sent, lost: 0 });
  } finally {
    await sql.end();
  }
}, 360_000);
