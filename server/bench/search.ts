import { sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import { matching } from '../src/devices/filter.ts';
import { type DatabaseClient, openDatabase } from '../src/platform/db/client.ts';
import { heading, rateRow, report, writeLine } from './report.ts';
import { alternate, median } from './rounds.ts';
import { signIn, startSubject } from './stack.ts';

const DEVICES = 100_000;
const ROUNDS = 7;
const AIM_MS = 150;

/** What is typed: parts of all names, of many, of one and of none, and the beginning of UUIDs. */
const TYPED = ['s', 'sensor 12', 'sensor 99999', 'no such device', '1f'] as const;

/** What a keystroke in the search of the dashboard costs over 100,000 devices: a page and its count, asked over HTTP. */
export async function benchSearch(databaseUrl: string): Promise<void> {
  heading(`search: a keystroke over ${DEVICES.toLocaleString('en')} devices, page and count`);
  const database = openDatabase(databaseUrl);
  const subject = await startSubject({ databaseUrl });
  try {
    await fill(database);
    const cookie = await signIn(subject.port);
    const ask = async (typed: string) => {
      const url = new URL(`http://127.0.0.1:${subject.port}/api/v1/devices`);
      url.search = new URLSearchParams({ q: typed }).toString();
      const answer = await fetch(url, { headers: { cookie } });
      if (!answer.ok) throw new Error(`answered ${answer.status}: ${await answer.text()}`);
      await answer.arrayBuffer();
    };
    await database.unlimited(async (client) => {
      const medians: number[] = [];
      for (const typed of TYPED) {
        const ended = await alternate(
          ROUNDS,
          () => timed(() => client.unsafe(SCAN)),
          () => timed(() => ask(typed)),
        );
        report(rateRow(`“${typed}”, searches/s`, ended, (ms) => 1_000 / ms));
        medians.push(median(ended.subject));
      }
      const ms = Math.max(...medians);
      const verdict = ms < AIM_MS ? 'met' : 'missed';
      writeLine(`slowest keystroke            ${ms.toFixed(1)} ms   aim < ${AIM_MS} ms: ${verdict}`);
    });
    for (const line of await planOf(database, 'no such device')) writeLine(line);
    writeLine('floor: one scan that compares every name as it is, without folding');
  } finally {
    await subject.child.stop();
    await database.close(1_000);
  }
}

const SCAN = `select count(*) from devices where name like '%no such device%'`;

/** How PostgreSQL counts what matches. */
async function planOf(database: DatabaseClient, typed: string): Promise<string[]> {
  const count = sql`explain (analyze, costs off, summary off, timing off, buffers off) select count(*) from devices where ${matching({ q: typed })}`;
  const { sql: text, params } = new PgDialect().sqlToQuery(count);
  return await database.unlimited(async (client) => {
    const rows = await client.unsafe<{ 'QUERY PLAN': string }[]>(text, params as string[]);
    return rows.map((row) => row['QUERY PLAN']);
  });
}

async function fill(database: DatabaseClient): Promise<void> {
  await database.unlimited(async (client, db) => {
    await db.execute(sql`
      insert into devices (id, role, state, name, tags, created_at)
      select gen_random_uuid(), (case when at % 20 = 0 then 'master' else 'agent' end)::device_role, 'active',
        'Sensor ' || at || ', greenhouse ' || at % 97, '{north,humidity}', now() - at * interval '1 second'
      from generate_series(1, ${DEVICES}::int) as at`);
    await client.unsafe('vacuum analyze devices');
  });
}

async function timed(action: () => PromiseLike<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}
