import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomInt, randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { commandAnswer } from '../contract/api/commands.ts';
import type { Child } from './child.ts';
import { callApi, createApiKey } from './devices.ts';
import { AGENT_SECRET, until, untilReady } from './harness.ts';
import { type OnlineDevice, startOnlineDevice } from './online-device.ts';
import { type Surroundings, startSurroundings } from './server-child.ts';

const DEVICES = 6;
/** The server is killed once while each of them is asked for and executed. */
const COMMANDS_EACH = 10;
const START_LIMIT_MS = 60_000;

let surroundings: Surroundings;
let sql: postgres.Sql;
let server: { readonly child: Child; readonly url: string };
const devices: OnlineDevice[] = [];

beforeAll(async () => {
  surroundings = await startSurroundings();
  sql = postgres(surroundings.env.DATABASE_URL ?? '', { max: 1, onnotice: () => {} });
  server = await surroundings.start();
  await untilReady(server.url, START_LIMIT_MS);
}, 150_000);
afterAll(async () => {
  for (const { client } of devices) await client.close();
  await sql.end();
  await surroundings.close();
}, 30_000);

/** Ends the server as a power cut does, and starts it again where its clients look for it. */
async function kill(): Promise<void> {
  server.child.signal('SIGKILL');
  await server.child.exited;
  const { url } = server;
  server = await surroundings.start({ PORT: new URL(url).port });
}

/** Asks for a command as a careful client does: again with the same key until it is answered. */
async function command(key: string, device: string, number: number): Promise<string> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': `number ${number}` };
  const body = JSON.stringify({ c: 'COUNT', a: { number } });
  for (;;) {
    const response = await callApi(server, key, 'POST', `/devices/${device}/commands`, {
      body,
      headers,
    }).catch(() => undefined);
    if (response?.ok) return commandAnswer.parse(await response.json()).id;
    if (response && response.status < 500) throw new Error(await response.text());
    await Bun.sleep(20);
  }
}

test('commands are executed once each and in order, however often the server is killed', async () => {
  const executed = new Map<string, unknown[]>();
  for (let at = 0; at < DEVICES; at++) {
    const uuid = randomUUID();
    executed.set(uuid, []);
    const device = await startOnlineDevice({
      server: server.url,
      uuid,
      credential: AGENT_SECRET,
      async onCommand({ a }) {
        executed.get(uuid)?.push(a?.number);
        // A motor takes its time; a kill meets commands in every state.
        await Bun.sleep(randomInt(100));
        return a;
      },
    });
    devices.push(device);
  }
  const key = await createApiKey({ sql }, 'admin');
  const ids: string[] = [];
  for (let number = 0; number < COMMANDS_EACH; number++) {
    const asked = Promise.all([...executed.keys()].map((device) => command(key, device, number)));
    await Bun.sleep(randomInt(500));
    await kill();
    ids.push(...(await asked));
  }
  const states = () =>
    sql<{ id: string; state: string; device: string; number: number }[]>`
      select id, state, device_id as device, (result::json->>'number')::int as number from commands order by seq`;
  let open: unknown[] = [];
  await until(
    () =>
      `all commands are finished: ${JSON.stringify(open)}; the devices met:\n${devices.map((device) => device.seen()).join('\n')}`,
    async () => {
      open = (await states()).filter(({ state }) => state !== 'done');
      return open.length === 0;
    },
    90_000,
  );
  const rows = await states();
  expect(rows.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(rows).toHaveLength(DEVICES * COMMANDS_EACH);
  const inOrder = Array.from({ length: COMMANDS_EACH }, (_, number) => number);
  for (const [device, numbers] of executed) {
    expect(numbers).toEqual(inOrder);
    expect(rows.filter((row) => row.device === device).map(({ number }) => number)).toEqual(inOrder);
  }
}, 240_000);
