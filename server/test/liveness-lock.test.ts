import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { MIGRATIONS_FOLDER } from '../dev/stack.ts';
import { systemClock } from '../src/platform/clock.ts';
import { type DatabaseClient, openDatabase } from '../src/platform/db/client.ts';
import { createLivenessLock } from '../src/platform/db/liveness-lock.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { leaseIsFree, releaseLease, renewLease, takeLease } from '../src/platform/fenced-lease.ts';
import { createTestDatabase, type TestDatabase, until } from './harness.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

let testDatabase: TestDatabase;
let proxy: TcpProxy;
/** Two processes; the first one's connections go through the proxy. */
let first: DatabaseClient;
let second: DatabaseClient;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const url = new URL(testDatabase.url);
  const port = Number(url.port);
  proxy = await startTcpProxy({ target: () => port });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  first = openDatabase(url.href);
  second = openDatabase(testDatabase.url);
  await migrate(second.sql, MIGRATIONS_FOLDER);
}, 60_000);
beforeEach(async () => {
  await proxy.pass();
  await second.db.execute(sql`delete from leases`);
});
afterAll(async () => {
  await first.close(1_000);
  await second.close(1_000);
  await proxy.close();
  await testDatabase.close();
});

const lockOf = (database: DatabaseClient) => createLivenessLock({ database, clock: systemClock }, 'work');

test('the lock is held by one process at a time, and can be had again after its release', async () => {
  const one = lockOf(first);
  const other = lockOf(second);
  expect(await one.take()).toBe(true);
  expect(await one.take()).toBe(true);
  expect(await other.take()).toBe(false);
  expect([one.isHeld(), other.isHeld()]).toEqual([true, false]);
  await one.release();
  expect(one.isHeld()).toBe(false);
  expect(await other.take()).toBe(true);
  await other.release();
});

test('looking whether a lease is free takes no lock', async () => {
  expect(await leaseIsFree(second.db, 'work')).toBe(true);
  await takeLease(second.db, 'work', 'one');
  expect(await leaseIsFree(second.db, 'work')).toBe(true);
  const lock = lockOf(first);
  expect(await lock.take()).toBe(true);
  expect(await leaseIsFree(second.db, 'work')).toBe(false);
  await lock.release();
});

test('a lease is free as soon as the connections of its holder have ended, whatever its term', async () => {
  const lock = lockOf(first);
  await lock.take();
  const lease = await takeLease(first.db, 'work', 'one');
  // The longest that is no sign of a clock that was ahead.
  await second.db.execute(sql`update leases set expires_at = now() + interval '19 seconds'`);
  expect(await leaseIsFree(second.db, 'work')).toBe(false);
  // What PostgreSQL sees of a process that was killed.
  await proxy.refuse();
  await until('the lease is free', () => leaseIsFree(second.db, 'work'));
  expect(await takeLease(second.db, 'work', 'two')).toBeUndefined();
  const taken = await takeLease(second.db, 'work', 'two', true);
  expect(taken?.epoch).toBe(2);
  await proxy.pass();
  await until('the first has noticed', () => !lock.isHeld());
  // It was alive after all: nothing that it does under its lease counts.
  expect(lease && (await renewLease(first.db, lease))).toBe(false);
  if (lease) await releaseLease(first.db, lease);
  expect(await takeLease(first.db, 'work', 'one')).toBeUndefined();
  await lock.release();
});

test('the lock is given up when the database no longer answers, and taken again when it does', async () => {
  const lock = lockOf(first);
  await lock.take();
  proxy.swallow();
  await until('the holder has noticed', () => !lock.isHeld(), 20_000);
  await second.db.execute(
    sql`select pg_terminate_backend(pid) from pg_locks
      where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
  );
  await until('the lock is taken again', () => lock.take());
  await lock.release();
}, 40_000);
