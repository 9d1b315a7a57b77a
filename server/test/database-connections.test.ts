import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { type DatabaseClient, openDatabase } from '../src/platform/db/client.ts';
import { createTestDatabase, type TestDatabase, until } from './harness.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** Well below the time limit of a connection attempt, after which a statement that nobody sent would end too. */
const OUTCOME_LIMIT_MS = 3_000;

let database: TestDatabase;
let proxy: TcpProxy;
let client: DatabaseClient;
let url: string;

beforeAll(async () => {
  database = await createTestDatabase();
  const proxied = new URL(database.url);
  const target = Number(proxied.port);
  proxy = await startTcpProxy({ target: () => target });
  proxied.hostname = '127.0.0.1';
  proxied.port = String(proxy.port);
  url = proxied.href;
  client = openDatabase(url);
  await client.db.execute(sql`create table marks (mark integer primary key)`);
}, 60_000);
afterAll(async () => {
  await client.close(1_000);
  await proxy.close();
  await database.close();
});

/** What became of a piece of work: done, failed, or neither in time. */
function outcomeOf(work: Promise<unknown>): Promise<'done' | 'failed' | 'no outcome'> {
  const late = Bun.sleep(OUTCOME_LIMIT_MS).then(() => 'no outcome' as const);
  const settled = work.then(
    () => 'done' as const,
    () => 'failed' as const,
  );
  return Promise.race([settled, late]);
}

const recovered = () =>
  until('a statement succeeds', async () => (await outcomeOf(client.db.execute(sql`select 1`))) === 'done');

describe('connections that are cut at any moment', () => {
  test('leave no statement without an outcome', async () => {
    const seen = new Set<string>();
    for (let round = 0; round < 30; round++) {
      // Spread over the moments of connecting, asking and answering; each round cuts at another one.
      const work = Array.from({ length: 1 + (round % 20) }, async (_, index) => {
        await Bun.sleep(index % 5);
        return await outcomeOf(client.db.execute(sql`select ${index}::integer`));
      });
      proxy.cut();
      await Bun.sleep(round % 4);
      proxy.cut();
      for (const outcome of await Promise.all(work)) seen.add(outcome);
    }
    expect(seen).toEqual(new Set(['done', 'failed']));
    await recovered();
  }, 60_000);

  test('affect only the statements in progress, also while a new pool makes its first connections', async () => {
    for (let round = 0; round < 30; round++) {
      const fresh = openDatabase(url);
      const work = Array.from({ length: 4 }, () => outcomeOf(fresh.db.execute(sql`select 1`)));
      await Bun.sleep(round % 10);
      await proxy.refuse();
      expect(await Promise.all(work)).not.toContain('no outcome');
      await proxy.pass();
      expect(await outcomeOf(fresh.close(100))).toBe('done');
    }
    await recovered();
  }, 60_000);

  test('fail a transaction whole, and the process goes on', async () => {
    for (let round = 0; round < 10; round++) {
      const transaction = client.db.transaction(async (tx) => {
        await tx.execute(sql`insert into marks values (${round})`);
        proxy.cut();
        if (round % 2) await until('the client has noticed', () => proxy.connections() === 0);
        await tx.execute(sql`insert into marks values (${1_000 + round})`);
      });
      expect(await outcomeOf(transaction)).toBe('failed');
      await recovered();
    }
    expect([...(await client.db.execute(sql`select mark from marks`))]).toEqual([]);
  }, 60_000);
});

describe('a transaction whose connection was lost', () => {
  /** One connection, so that what runs next runs in its place. */
  async function loseTransaction(afterwards: (tx: postgres.TransactionSql) => Promise<unknown>) {
    const one = postgres(url, { max: 1, fetch_types: false, onnotice: () => {}, backoff: () => 0 });
    const lost = Promise.withResolvers<void>();
    const late = Promise.withResolvers<string>();
    const transaction = one
      .begin(async (tx) => {
        await tx`insert into marks values (5001)`;
        proxy.cut();
        await lost.promise;
        await afterwards(tx).then(
          () => late.resolve('done'),
          (error: { code?: string }) => late.resolve(error.code ?? 'failed'),
        );
      })
      .then(
        () => 'committed',
        () => 'failed',
      );
    expect(await transaction).toBe('failed');
    // The pool has a connection again, in which the rest of the transaction must not run.
    await until('the pool has connected again', () =>
      one`select 1`.then(
        () => true,
        () => false,
      ),
    );
    const other = one.begin(async (tx) => {
      await tx`insert into marks values (5002)`;
      lost.resolve();
      await late.promise;
      await tx`insert into marks values (5003)`;
      throw new Error('rolled back on purpose');
    });
    await expect(other).rejects.toThrow('rolled back on purpose');
    await one.end();
    return await late.promise;
  }

  test.each<[string, (tx: postgres.TransactionSql) => Promise<unknown>]>([
    ['runs no later statement', (tx) => tx`insert into marks values (5004)`],
    ['commits nothing of another one', (tx) => tx`commit`],
    [
      'does not end another one by a savepoint',
      (tx) => tx.savepoint((inner) => inner`insert into marks values (5005)`),
    ],
  ])('%s', async (_, afterwards) => {
    expect(await loseTransaction(afterwards)).toBe('CONNECTION_CLOSED');
    expect([...(await client.db.execute(sql`select mark from marks where mark > 5000`))]).toEqual([]);
  });

  test('leaves none of its queued statements without an outcome', async () => {
    const one = postgres(url, { max: 1, fetch_types: false, max_pipeline: 2, onnotice: () => {} });
    const outcomes: Promise<unknown>[] = [];
    const transaction = one.begin(async (tx) => {
      await tx`select 1`;
      proxy.stall();
      for (let at = 0; at < 20; at++) outcomes.push(outcomeOf(tx`select ${at}::int`));
      await Bun.sleep(0);
      proxy.cut();
      await proxy.pass();
      await Promise.all(outcomes);
    });
    expect(await outcomeOf(transaction)).toBe('failed');
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['failed']));
    await one.end({ timeout: 1 });
  });
});

test('a transaction that begins behind a full pipeline has its connection for itself', async () => {
  const one = postgres(url, { max: 1, max_pipeline: 5, fetch_types: false, onnotice: () => {} });
  await one`select 1`;
  const before = Array.from({ length: 5 }, () => one`select 1`.execute());
  const transaction = one.begin(async (tx) => {
    const [row] = await tx`select pg_current_xact_id()::text as id`;
    await Bun.sleep(1);
    const [again] = await tx`select pg_current_xact_id()::text as id`;
    return row?.id === again?.id;
  });
  const [outside] = await one`select pg_current_xact_id_if_assigned()::text as id`;
  expect(outside?.id).toBeNull();
  expect(await transaction).toBe(true);
  await Promise.all(before);
  await one.end();
});

test('connections that have fallen silent are all replaced, without waiting for each', async () => {
  const pool = openDatabase(url);
  const ten = () =>
    Promise.all(Array.from({ length: 10 }, () => pool.db.execute(sql`select pg_sleep(0.05)`)));
  await ten();
  const open = proxy.connections();
  expect(open).toBeGreaterThanOrEqual(10);
  proxy.swallow();
  // One statement finds out for the other nine as well.
  await expect(
    pool.db.execute(sql`select 1`).then(
      () => 'done',
      () => 'failed',
    ),
  ).resolves.toBe('failed');
  expect(await outcomeOf(ten())).toBe('done');
  await pool.close(1_000);
}, 30_000);

test('a slow statement is no silent connection: PostgreSQL ends it first, and says so', async () => {
  const pool = openDatabase(url);
  const error = await pool.db.execute(sql`select pg_sleep(60)`).then(
    () => undefined,
    (thrown: { cause?: { code?: string } }) => thrown.cause?.code,
  );
  expect(error).toBe('57014');
  await pool.close(1_000);
}, 30_000);

test('statements with parameters are parsed once by each connection, in transactions too', async () => {
  const parsed = await client.db.transaction(async (tx) => {
    for (const value of [1, 2]) await tx.execute(sql`select ${value}::integer as parsed_once`);
    return await tx.execute<{ times: string }>(sql`
      select custom_plans + generic_plans as times from pg_prepared_statements where statement like '%as parsed_once'`);
  });
  expect(Number(parsed[0]?.times)).toBe(2);
});
