import { afterAll, beforeAll, expect, test } from 'bun:test';
import { MIGRATIONS_FOLDER } from '../dev/stack.ts';
import { systemClock } from '../src/platform/clock.ts';
import { underLock } from '../src/platform/db/advisory-lock.ts';
import { type DatabaseClient, openDatabase } from '../src/platform/db/client.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { until } from './harness.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

const never = new AbortController().signal;
let database: TestDatabase;
let proxy: TcpProxy;
/** Two instances: the first reaches the database through the proxy. */
let first: DatabaseClient;
let second: DatabaseClient;

beforeAll(async () => {
  database = await createTestDatabase();
  const url = new URL(database.url);
  const target = Number(url.port);
  proxy = await startTcpProxy({ target: () => target });
  url.port = String(proxy.port);
  first = openDatabase(url.href);
  second = openDatabase(database.url);
  await migrate(second.sql, MIGRATIONS_FOLDER);
}, 60_000);
afterAll(async () => {
  await first.close(1_000);
  await second.close(1_000);
  await proxy.close();
  await database.close();
});

function lock<T>(client: DatabaseClient, name: string, work: (held: AbortSignal) => Promise<T>) {
  return underLock({ db: client.db, clock: systemClock, holder: 'test' }, name, work, never);
}

/** Work that holds the lock until it is told to end, or its signal is aborted. */
function heldWork() {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<string>();
  return {
    begun: begun.promise,
    finish: (result: string) => end.resolve(result),
    work: (held: AbortSignal) => {
      held.addEventListener('abort', () => end.reject(new Error('stopped')), { once: true });
      begun.resolve();
      return end.promise;
    },
  };
}

test('one works at a time, and who waited learns what came out', async () => {
  const { begun, finish, work } = heldWork();
  const holder = lock(first, 'one', work);
  await begun;
  let worked = false;
  const waiting = lock(second, 'one', async () => {
    worked = true;
  });
  const other = await lock(second, 'another', async () => 'not held up');
  expect(other).toEqual({ by: 'us', result: 'not held up' });
  finish('report');
  expect(await holder).toEqual({ by: 'us', result: 'report' });
  expect(await waiting).toEqual({ by: 'other', result: 'report' });
  expect(worked).toBe(false);
});

test('what was finished before is not taken for the answer', async () => {
  await lock(first, 'before', async () => 'old');
  expect(await lock(second, 'before', async () => 'new')).toEqual({ by: 'us', result: 'new' });
});

test('work that fails gives the lock to the next one at once', async () => {
  await expect(lock(first, 'failing', () => Promise.reject(new Error('no broker')))).rejects.toThrow(
    'no broker',
  );
  expect(await lock(second, 'failing', async () => 'done')).toMatchObject({ by: 'us' });
});

test.each<[string, () => void]>([
  ['was cut', () => proxy.cut()],
  ['has fallen silent', () => proxy.swallow()],
])(
  'a holder whose connection %s stops, and only then fails; another one takes over',
  async (name, lose) => {
    const { begun, work } = heldWork();
    const holder = lock(first, name, work).then(
      () => 'done',
      () => 'failed',
    );
    await begun;
    const successor = lock(second, name, async () => 'taken over');
    lose();
    expect(await holder).toBe('failed');
    // The backend of a connection that has only fallen silent is there until PostgreSQL notices.
    if (proxy.connections() > 0) proxy.cut();
    expect(await successor).toEqual({ by: 'us', result: 'taken over' });
    await until('the pool is whole', () =>
      first.sql`select 1`.then(
        () => true,
        () => false,
      ),
    );
  },
  30_000,
);
