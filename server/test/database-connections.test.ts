import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
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
