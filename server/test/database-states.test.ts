import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomBytes, randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { systemClock } from '../src/platform/clock.ts';
import { openDatabase } from '../src/platform/db/client.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { withDeadline } from '../src/platform/deadline.ts';
import { callApi, createApiKey } from './devices.ts';
import { AGENT_SECRET, callDevice, type Stack, startStack, tokenPath, until } from './harness.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

const ROLE = `server_${randomBytes(6).toString('hex')}`;
const CONNECTIONS = 10;

let database: TestDatabase;
let admin: postgres.Sql;
let proxy: TcpProxy;
let stack: Stack;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = postgres(database.url, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create role ${ROLE} superuser login password 'first'`);
  const url = new URL(database.url);
  const target = Number(url.port);
  proxy = await startTcpProxy({ target: () => target });
  url.username = ROLE;
  url.password = 'first';
  url.port = String(proxy.port);
  stack = await startStack({ database, env: { DATABASE_URL: url.href } });
}, 60_000);
afterAll(async () => {
  await stack.close();
  await proxy.close();
  await admin.unsafe(`drop owned by ${ROLE} cascade; drop role ${ROLE}`);
  await admin.end();
  await database.close();
});

function ask() {
  return callDevice(stack.url, tokenPath(randomUUID()), AGENT_SECRET);
}

async function health(): Promise<{ live: number; ready: number; database: string | undefined }> {
  const live = await fetch(`${stack.url}/health/live`);
  const ready = await fetch(`${stack.url}/health/ready`);
  const { checks } = (await ready.json()) as { checks: Record<string, string> };
  return { live: live.status, ready: ready.status, database: checks.database };
}

async function endSessions(): Promise<void> {
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where usename = ${ROLE}`;
}

async function recovered(): Promise<void> {
  let seen = '';
  await until(
    () => `requests succeed again: ${seen}`,
    async () => {
      const { status, m } = await ask();
      const { database: state } = await health();
      seen = JSON.stringify({ status, m, state });
      return status === 200 && state === 'ok';
    },
  );
}

describe('half-open connections', () => {
  test('all of the pool: readiness and liveness tell, and the pool becomes whole again', async () => {
    await Promise.all(
      Array.from({ length: CONNECTIONS }, () => stack.services.db.execute('select pg_sleep(0.1)')),
    );
    expect(proxy.connections()).toBeGreaterThanOrEqual(CONNECTIONS);
    proxy.swallow();
    await until('readiness tells', async () => (await health()).ready === 503);
    expect(await health()).toEqual({ live: 200, ready: 503, database: 'not reachable' });
    await recovered();
    let statuses: number[] = [];
    await until(
      () => `more requests at once than there are connections succeed: ${statuses}`,
      async () => {
        statuses = await Promise.all(
          Array.from({ length: 2 * CONNECTIONS }, async () => (await ask()).status),
        );
        return statuses.every((status) => status === 200);
      },
    );
  }, 30_000);
});

describe('a statement that takes too long', () => {
  test('answers 503 with Retry-After, and says that less should be asked for', async () => {
    const key = await createApiKey({ sql: admin }, 'viewer');
    const released = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const holding = admin.begin(async (tx) => {
      await tx`lock table devices in access exclusive mode`;
      held.resolve();
      await released.promise;
    });
    await held.promise;
    const page = await callApi(stack, key, 'GET', '/devices');
    released.resolve();
    await holding;
    expect(page.status).toBe(503);
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThanOrEqual(10);
    expect(await page.json()).toMatchObject({
      type: '/problems/unavailable',
      detail: expect.stringContaining('Ask for less'),
    });
  }, 30_000);
});

describe('a database that takes no writes', () => {
  test('answers 503 with Retry-After, readiness says so, and it is over without a restart', async () => {
    const [{ name } = { name: '' }] = await admin<{ name: string }[]>`select current_database() as name`;
    await admin.unsafe(`alter database ${name} set default_transaction_read_only = on`);
    await until('the server has met it', async () => {
      await endSessions();
      return (await health()).database === 'read-only';
    });
    const answer = await ask();
    expect(answer).toMatchObject({ status: 503, c: 'ERROR', r: 'unavailable' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(10);
    expect((await health()).ready).toBe(503);
    // The open sessions stay read-only: they have to be replaced.
    await admin.unsafe(
      `set default_transaction_read_only = off; alter database ${name} reset default_transaction_read_only`,
    );
    await recovered();
  }, 30_000);
});

test('connections to a database that takes no writes are replaced although nobody writes', async () => {
  const reading = openDatabase(database.url);
  const [{ name } = { name: '' }] = await admin<{ name: string }[]>`select current_database() as name`;
  try {
    await admin.unsafe(`alter database ${name} set default_transaction_read_only = on`);
    expect(await reading.state()).toBe('read-only');
    await admin.unsafe(
      `set default_transaction_read_only = off; alter database ${name} reset default_transaction_read_only`,
    );
    await until('it takes writes', async () => (await reading.state()) === 'ok');
  } finally {
    await reading.close(1_000);
  }
});

describe('a database that refuses the password from now on', () => {
  test('answers 503 with Retry-After, readiness says so, and it is over without a restart', async () => {
    await admin.unsafe(`alter role ${ROLE} password 'second'`);
    await until('the server has met it', async () => {
      // Again, for a connection that was being opened when the password changed.
      await endSessions();
      return (await health()).database === 'refuses the user or password';
    });
    const answer = await ask();
    expect(answer).toMatchObject({ status: 503, c: 'ERROR', r: 'unavailable' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(10);
    expect(answer.m).not.toContain(ROLE);
    await admin.unsafe(`alter role ${ROLE} password 'first'`);
    await recovered();
  }, 30_000);
});

describe('migrations', () => {
  test('take their time, whatever limit the database sets', async () => {
    const other = await createTestDatabase();
    const limited = postgres(other.url, {
      max: 1,
      onnotice: () => {},
      connection: { statement_timeout: 100 },
    });
    const [{ limit } = { limit: '' }] = await limited<
      { limit: string }[]
    >`select current_setting('statement_timeout') as limit`;
    expect(limit).toBe('100ms');
    expect(await migrate(limited, new URL('./slow-migration', import.meta.url).pathname)).toBe(1);
    await limited.end();
    await other.close();
  });

  test('run in a session of their own without the time limits of the pool', async () => {
    const client = openDatabase(database.url);
    const limitOf = async (sql: postgres.Sql) => (await sql`show statement_timeout`)[0]?.statement_timeout;
    expect(await limitOf(client.sql)).toBe('6s');
    expect(await client.unlimited(limitOf)).toBe('0');
    await client.close(1_000);
  });
});

test('a deadline names what it waited for', async () => {
  const never = new Promise<void>(() => {});
  await expect(withDeadline(systemClock, 1, never, 'the database')).rejects.toThrow(
    'Timed out waiting for the database.',
  );
});
