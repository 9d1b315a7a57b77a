import { PgDialect } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { systemClock } from '../src/platform/clock.ts';
import { openDatabase } from '../src/platform/db/client.ts';
import { bucketStatements } from '../src/telemetry/query/read-buckets.ts';
import { openApiSession } from './api-session.ts';
import { fillMillion, MILLION } from './million-records.ts';
import { heading, rateRow, report, writeLine } from './report.ts';
import { alternate, median } from './rounds.ts';
import { startSubject } from './stack.ts';

const DAY_MS = 86_400_000;
const DAYS = 60;
const ROUNDS = 5;
const ROLLUP_AIM_MS = 100;
const ROLLUPS_ZONE = 'UTC';
/** Hours of this zone are not those of UTC, so that its buckets are made of records. */
const RECORDS_ZONE = 'Asia/Kolkata';

const bucketAnswer = z.object({ source: z.string() });

/** Sixty days of one device in buckets of six hours, asked over HTTP: from records, and from hourly rollups. */
export async function benchBuckets(databaseUrl: string): Promise<void> {
  heading(`buckets: ${MILLION.toLocaleString('en')} records of one device, ${DAYS * 4} buckets of 6 h`);
  // The days before today: what is older than the retention is dropped.
  const toMs = Math.floor(systemClock.now() / DAY_MS) * DAY_MS;
  const times = { fromMs: toMs - DAYS * DAY_MS, toMs };
  const database = openDatabase(databaseUrl);
  const subject = await startSubject({ databaseUrl });
  try {
    const { uuid, device } = await fillMillion(database, times);
    const call = await openApiSession(subject.port);
    const ask = async (zone: string, source: string) => {
      const from = new Date(times.fromMs).toISOString();
      const to = new Date(times.toMs).toISOString();
      const query = new URLSearchParams({ from, to, fields: 'temp', interval: '6h', zone });
      const found = bucketAnswer.parse(await call('GET', `/devices/${uuid}/telemetry?${query}`));
      if (found.source !== source) throw new Error(`the buckets come from ${found.source}`);
    };
    const query = { ...times, device, fields: ['temp'], interval: '6h', zone: RECORDS_ZONE } as const;
    const dialect = new PgDialect();
    const statements = bucketStatements({ ...query, source: 'records' }).map((part) =>
      dialect.sqlToQuery(part),
    );
    const askDatabase = () =>
      Promise.all(statements.map(({ sql, params }) => database.sql.unsafe(sql, params as string[])));
    const ended = await alternate(
      ROUNDS,
      () => timed(askDatabase),
      () => timed(() => ask(RECORDS_ZONE, 'records')),
    );
    report(
      rateRow('from records, queries/s', ended, (ms) => 1_000 / ms),
      { atLeast: 0.8 },
    );
    const rolled: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      rolled.push(await timed(() => ask(ROLLUPS_ZONE, 'rollups')));
    }
    const ms = median(rolled.slice(1));
    const verdict = ms < ROLLUP_AIM_MS ? 'met' : 'missed';
    writeLine(`from rollups                 ${ms.toFixed(1)} ms   aim < ${ROLLUP_AIM_MS} ms: ${verdict}`);
    writeLine('floor: the same statements, sent to the database by themselves');
  } finally {
    await subject.child.stop();
    await database.close(1_000);
  }
}

async function timed(work: () => PromiseLike<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
