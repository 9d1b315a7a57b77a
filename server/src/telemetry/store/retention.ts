import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import type { Database } from '../../platform/db/client.ts';
import { dropPartitions, listPartitions, makePartitions, ROLLUPS, TELEMETRY } from './partitions.ts';

export interface Retention {
  /** How long records are kept, unless a device has a time of its own. */
  readonly telemetrySeconds: number;
  readonly rollupSeconds: number;
}

const DAY_MS = 86_400_000;
/** Records may be a week old when they arrive, and an import or a clock that is off should not wait for the next run. */
const PARTITIONS_BACK_DAYS = 8;
const PARTITIONS_AHEAD_DAYS = 14;
const REJECTS_KEPT = '1 day';
const STREAMS_KEPT = '30 days';
const EVENTS_KEPT = '1 year';
const DELETE_BATCH = 20_000;

/** Makes what records of the next two weeks need, from a week back on. */
export async function makeTelemetryPartitions(client: postgres.Sql, nowMs: number): Promise<void> {
  const from = nowMs - PARTITIONS_BACK_DAYS * DAY_MS;
  const to = nowMs + PARTITIONS_AHEAD_DAYS * DAY_MS;
  await makePartitions(client, TELEMETRY, from, to);
  await makePartitions(client, ROLLUPS, from, to);
}

/** Drops and deletes what has been kept long enough. */
export async function applyRetention(
  { db, sql: client }: { readonly db: Database; readonly sql: postgres.Sql },
  retention: Retention,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  const [longest] = await db.execute<{ days: number | null }>(
    sql`select max(retention_days) as days from telemetry_devices`,
  );
  const defaultMs = retention.telemetrySeconds * 1_000;
  const longestMs = Math.max(defaultMs, (longest?.days ?? 0) * DAY_MS, PARTITIONS_BACK_DAYS * DAY_MS);
  await dropPartitions(client, TELEMETRY, nowMs - longestMs);
  await dropPartitions(client, ROLLUPS, nowMs - retention.rollupSeconds * 1_000);
  await deleteExpiredRecords(db, client, { defaultMs, longestMs, nowMs }, signal);
  await db.execute(sql`delete from telemetry_rejects where received_at < now() - ${REJECTS_KEPT}::interval`);
  await db.execute(sql`delete from ingest_events where at < now() - ${EVENTS_KEPT}::interval
    and id < (select max(id) from ingest_events where kind <> 'queue_overflow')`);
  // The newest boot of a device is kept however old it is: what it numbered is not to be taken for new.
  await db.execute(sql`
    delete from device_streams as old
    where updated_at < now() - ${STREAMS_KEPT}::interval and exists (
      select from device_streams as newer where newer.device = old.device and newer.updated_at > old.updated_at)`);
}

interface Horizon {
  readonly defaultMs: number;
  readonly longestMs: number;
  readonly nowMs: number;
}

/** Deletes from partitions that stay for the sake of some devices what the others are not kept for. */
async function deleteExpiredRecords(
  db: Database,
  client: postgres.Sql,
  { defaultMs, longestMs, nowMs }: Horizon,
  signal: AbortSignal,
): Promise<void> {
  const [shortest] = await db.execute<{ days: number | null }>(
    sql`select min(retention_days) as days from telemetry_devices`,
  );
  const shortestMs = Math.min(defaultMs, (shortest?.days ?? Number.POSITIVE_INFINITY) * DAY_MS);
  if (shortestMs >= longestMs) return;
  for (const { table, fromMs } of await listPartitions(client, TELEMETRY)) {
    if (fromMs > nowMs - shortestMs) break;
    for (let deleted = DELETE_BATCH; deleted === DELETE_BATCH; ) {
      signal.throwIfAborted();
      const rows = await db.execute(sql`
        delete from ${sql.identifier(table)} where ctid in (
          select record.ctid from ${sql.identifier(table)} as record
          join telemetry_devices as device on device.key = record.device
          where record.at < ${new Date(nowMs).toISOString()}::timestamptz
            - coalesce(device.retention_days * interval '1 day', ${defaultMs} * interval '1 millisecond')
          limit ${DELETE_BATCH})`);
      deleted = rows.count;
    }
  }
}
