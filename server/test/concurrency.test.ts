import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { startServer } from '../dev/stack.ts';
import { deviceKey } from '../src/platform/secrets.ts';
import type { Services } from '../src/server.ts';
import {
  AGENT_SECRET,
  callDevice,
  createTestDatabase,
  MASTER_SECRET,
  type Stack,
  startStack,
  tokenPath,
} from './harness.ts';
import { silentLog } from './logs.ts';
import { type StatementCounter, startStatementCounter } from './statement-counter.ts';

const INSTANCES = 4;
let stack: Stack;
let second: Services;
let counter: StatementCounter;

beforeAll(async () => {
  stack = await startStack({
    broker: false,
    env: { REGISTRATIONS_PER_HOUR: '100000', RATE_LIMIT_DEVICE: '1000' },
  });
  counter = await startStatementCounter(stack.database.url);
  const env = { ...stack.env, PORT: '0', INSTANCE_ID: 'second', DATABASE_URL: counter.url };
  second = await startServer(env, { log: silentLog() });
  await second.started;
}, 60_000);
afterAll(async () => {
  await second.close();
  await counter.close();
  await stack.close();
});

describe('first requests of one UUID', () => {
  test('at the same time, at two instances, register one device and all get a token', async () => {
    for (let round = 0; round < 50; round++) {
      const uuid = randomUUID();
      const urls = [stack.url, second.url, stack.url, second.url];
      const answers = await Promise.all(urls.map((url) => callDevice(url, tokenPath(uuid), AGENT_SECRET)));
      for (const answer of answers) expect(answer).toMatchObject({ status: 200, c: 'OK', u: `${uuid}.1` });
      expect(await stack.sql`select 1 from devices where id = ${uuid}`).toHaveLength(1);
    }
  }, 30_000);

  test('at the same time, in both roles: one role wins, and the other is refused by it', async () => {
    for (let round = 0; round < 20; round++) {
      const uuid = randomUUID();
      const answers = await Promise.all([
        callDevice(stack.url, tokenPath(uuid), deviceKey(AGENT_SECRET, uuid)),
        callDevice(second.url, tokenPath(uuid), deviceKey(MASTER_SECRET, uuid)),
      ]);
      const [device] = await stack.sql`select role from devices where id = ${uuid}`;
      const won = device?.role === 'agent' ? 0 : 1;
      expect(answers[won]).toMatchObject({ status: 200, c: 'OK' });
      expect(answers[1 - won]).toMatchObject({ status: 403, r: 'wrong_role' });
    }
  }, 30_000);
});

test('1,000 devices that register at once all get their token', async () => {
  const uuids = Array.from({ length: 1_000 }, () => randomUUID());
  const answers = await Promise.all(
    uuids.map((uuid, index) => callDevice(index % 2 ? stack.url : second.url, tokenPath(uuid), AGENT_SECRET)),
  );
  expect(answers.map(({ u }) => u)).toEqual(uuids.map((uuid) => `${uuid}.1`));
  const [{ count } = { count: 0 }] =
    await stack.sql`select count(*)::int from devices where id = any(${uuids})`;
  expect(count).toBe(1_000);
}, 30_000);

test('a token for a known device takes one statement', async () => {
  const uuid = randomUUID();
  const { t } = await callDevice(second.url, tokenPath(uuid), AGENT_SECRET);
  for (const [path, credential] of [
    [tokenPath(uuid), AGENT_SECRET],
    [tokenPath(uuid), deviceKey(AGENT_SECRET, uuid)],
    [tokenPath(uuid), t],
    ['/mqtt', t],
  ] as const) {
    // Connections ask a few things when they are opened, and the server's own work goes on meanwhile.
    const counts: number[] = [];
    for (let again = 0; again < 5; again++) {
      const before = counter.executed();
      expect((await callDevice(second.url, path, credential)).status).toBe(200);
      counts.push(counter.executed() - before);
    }
    expect(Math.min(...counts)).toBe(1);
  }
});

test('several instances that start together on an empty database migrate it once', async () => {
  const database = await createTestDatabase();
  const instances = await Promise.all(
    Array.from({ length: INSTANCES }, (_, index) =>
      startServer(
        { ...stack.env, PORT: '0', INSTANCE_ID: `instance-${index}`, DATABASE_URL: database.url },
        { log: silentLog() },
      ),
    ),
  );
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    await Promise.all(instances.map(({ started }) => started));
    const applied = await sql`select hash, count(*)::int from drizzle.__drizzle_migrations group by hash`;
    expect(applied.length).toBeGreaterThan(0);
    expect(new Set(applied.map(({ count }) => count))).toEqual(new Set([1]));
    const uuid = randomUUID();
    const answers = await Promise.all(
      instances.map(({ url }) => callDevice(url, tokenPath(uuid), AGENT_SECRET)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(INSTANCES).fill(200));
  } finally {
    await sql.end();
    await Promise.all(instances.map((instance) => instance.close()));
    await database.close();
  }
}, 60_000);
