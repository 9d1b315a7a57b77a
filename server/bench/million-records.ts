import { sql } from 'drizzle-orm';
import type { DatabaseClient } from '../src/platform/db/client.ts';
import { findOrMakeKeys } from '../src/telemetry/ingest/device-state.ts';
import { makePartitions, ROLLUPS, TELEMETRY } from '../src/telemetry/store/partitions.ts';
import { rollUp } from '../src/telemetry/store/rollups.ts';
import { writeLine } from './report.ts';

export const MILLION = 1_000_000;
const DAY_MS = 86_400_000;

/** Fills a stretch of days with a million records of a new device, and rolls them up. */
export async function fillMillion(
  database: DatabaseClient,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<{ readonly uuid: string; readonly device: number }> {
  const uuid = crypto.randomUUID();
  const [made] = await findOrMakeKeys(database.db, [uuid]);
  const device = made?.key ?? 0;
  await makePartitions(database.sql, TELEMETRY, fromMs, toMs);
  await makePartitions(database.sql, ROLLUPS, fromMs, toMs);
  await database.unlimited(async (_, db) => {
    await db.execute(sql`
      insert into telemetry (device, at, received, data)
      select ${device}::int, at, at, jsonb_build_object('temp', round((20 + 5 * sin(i / 700.0))::numeric, 2), 'hum', i % 100)
      from (select i, timestamptz 'epoch' + (${fromMs}::float8 + i * ${(toMs - fromMs) / MILLION}::float8) * interval '1 millisecond' as at
        from generate_series(0, ${MILLION - 1}) as i) as row`);
    await db.execute(sql`
      insert into telemetry_dirty_hours (device, hour)
      select distinct device, date_trunc('hour', at, 'UTC') from telemetry where device = ${device}`);
    await db.execute(sql`analyze telemetry`);
    const startedAt = performance.now();
    const hours = await rollUp(db, toMs + DAY_MS, new AbortController().signal);
    writeLine(`rolled up ${hours} hours in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  });
  return { uuid, device };
}
