import { sql } from 'drizzle-orm';
import type { AlertScope } from '../../../contract/api/alert-rules.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { isDouble, toDoubleIfAny } from '../../platform/db/json-double.ts';
import type { Sample } from '../evaluation/threshold.ts';
import type { Counted, Gap } from './simulate.ts';

/** A device and the stretch of time that is looked at, Unix milliseconds. */
export interface Past {
  readonly deviceId: string;
  readonly fromMs: number;
}

/** Devices in a scope: how many are active, and the first of them by UUID. */
export async function devicesInScope(
  db: Queryable,
  scope: AlertScope,
  limit: number,
): Promise<{ readonly count: number; readonly ids: readonly string[] }> {
  const which =
    scope.kind === 'device'
      ? sql`id = ${scope.device}::uuid`
      : scope.kind === 'tag'
        ? sql`tags @> array[${scope.tag}]::text[]`
        : sql`true`;
  const rows = await db.execute<{ id: string; count: number }>(sql`
    select id, (count(*) over ())::int as count from devices
    where state = 'active' and ${which} order by id limit ${limit}`);
  return { count: rows[0]?.count ?? 0, ids: rows.map(({ id }) => id) };
}

/** Values of a field in the order of receipt, at most `limit`. */
export async function readSamples(
  db: Queryable,
  { deviceId, fromMs }: Past,
  field: string,
  limit: number,
): Promise<Sample[]> {
  const value = sql`(data -> ${field}::text)`;
  const rows = await db.execute<{ at: string; received: string; value: number }>(sql`
    select (extract(epoch from at) * 1000000)::bigint as at,
      (extract(epoch from received) * 1000000)::bigint as received, ${toDoubleIfAny(value)} as value
    from telemetry
    where device = (select key from telemetry_devices where device_id = ${deviceId}::uuid)
      and at >= ${moment(fromMs)} and ${isDouble(value)}
    order by telemetry.at limit ${limit}`);
  return rows
    .map(({ at, received, value }) => ({ atUs: Number(at), receivedUs: Number(received), value }))
    .sort((a, b) => a.receivedUs - b.receivedUs);
}

/** When records arrived, in order, at most `limit`; and whether there was one before. */
export async function readReceipts(
  db: Queryable,
  { deviceId, fromMs }: Past,
  field: string | undefined,
  limit: number,
): Promise<{ readonly momentsMs: readonly number[]; readonly hadEarlier: boolean }> {
  const counts = field === undefined ? sql`true` : sql`data ? ${field}::text`;
  const device = sql`(select key from telemetry_devices where device_id = ${deviceId}::uuid)`;
  const rows = await db.execute<{ ms: number }>(sql`
    select extract(epoch from received)::float8 * 1000 as ms from telemetry
    where device = ${device} and at >= ${moment(fromMs)} and ${counts} order by at limit ${limit}`);
  const [earlier] = await db.execute<{ found: number }>(sql`
    select exists (select from telemetry where device = ${device} and at < ${moment(fromMs)} and ${counts})::int as found`);
  return { momentsMs: rows.map(({ ms }) => ms).sort((a, b) => a - b), hadEarlier: earlier?.found === 1 };
}

/** Stretches without a session that ended, or have not ended, within the time. */
export async function readOffline(db: Queryable, { deviceId, fromMs }: Past): Promise<Gap[]> {
  const rows = await db.execute<{ start: number; next: number | null }>(sql`
    select extract(epoch from disconnected_at)::float8 * 1000 as start,
      extract(epoch from lead(connected_at) over (order by connected_at))::float8 * 1000 as next
    from device_sessions where device_id = ${deviceId}::uuid order by connected_at`);
  return rows
    .filter(({ start, next }) => start !== null && (next === null || next > fromMs))
    .map(({ start, next }) => ({ fromMs: start, toMs: next ?? undefined }));
}

/** When sessions began, as it was learnt. */
export async function readConnects(db: Queryable, { deviceId, fromMs }: Past): Promise<Counted[]> {
  const rows = await db.execute<{ ms: number }>(sql`
    select extract(epoch from noted_at)::float8 * 1000 as ms from device_sessions
    where device_id = ${deviceId}::uuid and noted_at >= ${moment(fromMs)} order by noted_at`);
  return rows.map(({ ms }) => ({ atMs: ms, count: 1 }));
}

/** Records lost, by the minute. */
export async function readLosses(db: Queryable, { deviceId, fromMs }: Past): Promise<Counted[]> {
  const rows = await db.execute<{ ms: number; lost: number }>(sql`
    select extract(epoch from minute)::float8 * 1000 as ms, lost::float8 as lost from alert_losses
    where device_id = ${deviceId}::uuid and minute >= ${moment(fromMs)} order by minute`);
  return rows.map(({ ms, lost }) => ({ atMs: ms, count: lost }));
}

function moment(ms: number) {
  return sql`${new Date(ms).toISOString()}::timestamptz`;
}
