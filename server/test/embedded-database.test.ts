import { afterAll, beforeAll, expect, test } from 'bun:test';
import postgres from 'postgres';
import { type EmbeddedDatabase, startEmbeddedDatabase } from '../dev/database.ts';

let database: EmbeddedDatabase;

beforeAll(async () => {
  database = await startEmbeddedDatabase();
}, 60_000);
afterAll(() => database.close());

test('many connections at once each read their own rows', async () => {
  const clients = Array.from({ length: 10 }, () => postgres(database.url, { max: 1, onnotice: () => {} }));
  for (let round = 0; round < 100; round++) {
    const answers = await Promise.all(
      clients.map(async (sql, at) => {
        const read = async (db: postgres.Sql | postgres.TransactionSql) => {
          const rows = await db.unsafe(`select $1::int as value, ${(round + at) % 50} as text`, [at], {
            prepare: true,
          });
          return rows[0]?.value;
        };
        if (at % 2 === 0) return await read(sql);
        return await sql.begin(async (tx) => [await read(tx), await read(tx)]);
      }),
    );
    expect(answers).toEqual(clients.map((_, at) => (at % 2 === 0 ? at : [at, at])));
  }
  for (const sql of clients) await sql.end();
}, 30_000);

test('a connection that is lost in the middle of a transaction does not hold up the others', async () => {
  const lost = postgres(database.url, { max: 1, onnotice: () => {} });
  const begun = Promise.withResolvers<void>();
  const ended = lost
    .begin(async (tx) => {
      await tx`create table left_behind (id int)`;
      begun.resolve();
      await new Promise(() => {});
    })
    .catch(() => 'ended');
  await begun.promise;
  await lost.end({ timeout: 0 });
  const other = postgres(database.url, { max: 1, onnotice: () => {} });
  const [row] = await other`select to_regclass('left_behind') as relation`;
  expect(row?.relation).toBeNull();
  await other.end();
  await ended;
});
