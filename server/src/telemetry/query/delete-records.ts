import { sql } from 'drizzle-orm';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { INGEST_LEASE } from '../ingest/ingest.ts';

/** The hours from `fromMs` to `toMs` of a device, not including the end; Unix milliseconds. */
export interface Range {
  readonly device: number;
  readonly fromMs: number;
  readonly toMs: number;
}

const DAY_MS = 86_400_000;

/**
 * Deletes the records of a range and has the rollups of its hours made again. The rollups of whole hours whose records are
 * gone by retention are deleted with them. A field that is not numeric is listed again when the device sends it.
 *
 * @returns how many records were deleted.
 */
export async function deleteRecords(tx: Queryable, { device, fromMs, toMs }: Range): Promise<number> {
  const from = sql`${new Date(fromMs).toISOString()}::timestamptz`;
  const to = sql`${new Date(toMs).toISOString()}::timestamptz`;
  // Marks are claimed in a transaction that waits for this lock: those made here are seen by it or not claimed by it.
  await tx.execute(sql`select from leases where name = ${INGEST_LEASE} for share`);
  const [bounds] = await tx.execute<{ first: number | null; last: number | null }>(sql`
    select extract(epoch from min(at))::float8 * 1000 as first, extract(epoch from max(at))::float8 * 1000 as last
    from telemetry where device = ${device} and at >= ${from} and at < ${to}`);
  let deleted = 0;
  // A day at a time, so that no statement reaches its time limit and each has one partition to plan for.
  const firstDay = Math.floor((bounds?.first ?? toMs) / DAY_MS) * DAY_MS;
  for (let day = firstDay; day <= (bounds?.last ?? 0); day += DAY_MS) {
    deleted += await deletePart(tx, {
      device,
      fromMs: Math.max(day, fromMs),
      toMs: Math.min(day + DAY_MS, toMs),
    });
  }
  await tx.execute(sql`
    delete from telemetry_rollups
    where device = ${device} and hour >= ${from} and hour + interval '1 hour' <= ${to}`);
  const gone = await tx.execute<{ field: string }>(sql`
    delete from telemetry_fields where device = ${device} and last_at >= ${from} and last_at < ${to} returning field`);
  // Field by field, by the index: all rollups of a device are millions after some years.
  await tx.execute(sql`
    insert into telemetry_fields (device, field, kind, last_at, last)
    select device, field, 'number', hour + last_ms * interval '1 millisecond', to_jsonb(last)
    from unnest(${arrayLiteral(gone.map(({ field }) => field))}::text[]) as gone (name)
    cross join lateral (
      select device, field, hour, last_ms, last from telemetry_rollups
      where device = ${device} and field = name order by hour desc limit 1
    ) as newest
    on conflict do nothing`);
  return deleted;
}

async function deletePart(tx: Queryable, { device, fromMs, toMs }: Range): Promise<number> {
  const [deleted] = await tx.execute<{ n: string }>(sql`
    with gone as (
      delete from telemetry where device = ${device}
        and at >= ${new Date(fromMs).toISOString()}::timestamptz and at < ${new Date(toMs).toISOString()}::timestamptz
      returning date_trunc('hour', at, 'UTC') as hour
    ),
    marked as (
      insert into telemetry_dirty_hours (device, hour) select distinct ${device}::int, hour from gone
      on conflict do nothing
    )
    select count(*) as n from gone`);
  return Number(deleted?.n ?? 0);
}
