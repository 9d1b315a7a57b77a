import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { startRefusingDatabase } from './fake-postgres.ts';
import {
  AGENT_SECRET,
  callDevice,
  createTestDatabase,
  registerDevice,
  type Stack,
  startStack,
  type TestDatabase,
  tokenPath,
  until,
} from './harness.ts';
import { recordingLog, WARN } from './logs.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

let database: TestDatabase;
let target: number;
let proxy: TcpProxy;
let stack: Stack;
const record = recordingLog();

/** What `/health/ready` answers once what it remembers for a second has passed. */
async function readiness(expected = 503): Promise<{ status: number; checks: Record<string, string> }> {
  let checks: Record<string, string> = {};
  await until(`readiness answers ${expected}`, async () => {
    const response = await fetch(`${stack.url}/health/ready`);
    ({ checks } = (await response.json()) as { checks: Record<string, string> });
    return response.status === expected;
  });
  return { status: expected, checks };
}

function ask(uuid: string = randomUUID()) {
  return callDevice(stack.url, tokenPath(uuid), AGENT_SECRET);
}

async function expectUnavailable(): Promise<void> {
  const answer = await ask();
  expect(answer).toMatchObject({ status: 503, c: 'ERROR', r: 'unavailable' });
  expect(Number(answer.headers.get('retry-after'))).toBeWithin(10, 16);
  expect(answer.m).not.toMatch(/postgres|sql|select|econn/i);
}

const recovered = () => until('tokens are issued again', async () => (await ask()).status === 200);

beforeAll(async () => {
  database = await createTestDatabase();
  target = Number(new URL(database.url).port);
  proxy = await startTcpProxy({ target: () => target });
  const url = new URL(database.url);
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  await proxy.refuse();
  stack = await startStack({ database, waitReady: false, log: record.log, env: { DATABASE_URL: url.href } });
}, 60_000);
afterAll(async () => {
  await proxy.pass();
  await stack.close();
  await proxy.close();
  await database.close();
});

describe('a database that is down when the server starts', () => {
  test('leaves the server up: alive, not ready, and unavailable to devices', async () => {
    expect((await fetch(`${stack.url}/health/live`)).status).toBe(200);
    const { status, checks } = await readiness();
    expect(status).toBe(503);
    expect(checks.database).toBe('waiting for the database');
    await expectUnavailable();
    await until('the log says so', () =>
      record.lines.some(({ msg, level }) => msg.includes('waiting for the database') && level >= WARN),
    );
  });

  test('and still starting up is waited for, and then used', async () => {
    const starting = await startRefusingDatabase('57P03');
    target = starting.port;
    await proxy.pass();
    await until('the server has met it', () => record.text().includes('57P03'));
    await starting.close();
    target = Number(new URL(database.url).port);
    await stack.services.started;
    await stack.ready();
    expect((await ask()).status).toBe(200);
  });
});

describe('a database that goes away while the server runs', () => {
  test('by cut connections: requests succeed again immediately', async () => {
    const { uuid } = await registerDevice(stack.url);
    proxy.cut();
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await ask(uuid)).status));
    for (const status of statuses) expect([200, 503]).toContain(status);
    await recovered();
  });

  test('by refused connections: unavailable with Retry-After, then recovers without a restart', async () => {
    await proxy.refuse();
    await expectUnavailable();
    const { status, checks } = await readiness();
    expect({ status, database: checks.database }).toEqual({ status: 503, database: 'not reachable' });
    await proxy.pass();
    await recovered();
    await stack.ready();
  });

  test('by hanging: unavailable within the time limit, readiness too, then recovers', async () => {
    proxy.stall();
    await Promise.all([
      expectUnavailable(),
      (async () => expect((await readiness()).checks.database).toBe('not reachable'))(),
    ]);
    await proxy.pass();
    await recovered();
  }, 20_000);

  test('by hanging and then losing its connections: recovers', async () => {
    proxy.stall();
    await expectUnavailable();
    proxy.cut();
    await proxy.pass();
    await recovered();
  }, 20_000);

  test('loses no last-seen time', async () => {
    const { uuid } = await registerDevice(stack.url);
    await proxy.refuse();
    await until('a write has failed', () =>
      record.lines.some(({ msg }) => msg.includes('last-seen times wait for the database')),
    );
    await proxy.pass();
    await until('the time is written', async () => {
      const [row] = await stack.sql`select last_seen_at from devices where id = ${uuid}`;
      return row?.last_seen_at !== null;
    });
  }, 30_000);
});

test('the log reports a failing database without statements or values', () => {
  expect(record.text()).not.toMatch(/insert into|select "|from "devices"/i);
});

test('closing does not wait for a database that hangs, also when it never answered', async () => {
  for (const settled of [true, false]) {
    if (!settled) {
      proxy.stall();
      void stack.startServer().catch(() => {});
      await until('the server tries the database', () => proxy.connections() > 0);
    }
    proxy.stall();
    await stack.stopServer();
    expect(proxy.held()).toBeGreaterThan(0);
    proxy.cut();
    await proxy.pass();
  }
}, 40_000);
