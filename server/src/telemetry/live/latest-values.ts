import { sql } from 'drizzle-orm';
import type { TelemetryEvent } from '../../../contract/api/events.ts';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { toRecordAnswer } from '../routes/records.ts';

interface ValuesWanted {
  readonly all: boolean;
  readonly devices: readonly string[];
}

/** When a device's newest record arrived, Unix microseconds. */
interface Arrival {
  readonly deviceId: string;
  readonly receivedUs: number;
}

/** Far more than are told in one look. */
const MAX_ARRIVALS = 5_000;
/** A record that was measured earlier than this before its arrival is not what the device measures now. */
const LATE_MS = 3_600_000;
/** More than a record may be ahead of its arrival. */
const AHEAD_MS = 600_000;

/** Devices of which a record arrived after `afterUs` (Unix microseconds), in the order of arrival. */
export async function readArrivals(db: Queryable, wanted: ValuesWanted, afterUs: number): Promise<Arrival[]> {
  const which = wanted.all ? sql`true` : sql`device_id = any(${arrayLiteral(wanted.devices)}::uuid[])`;
  const rows = await db.execute<{ id: string; received: string }>(sql`
    select device_id as id, (extract(epoch from last_received_at) * 1000000)::bigint as received
    from telemetry_devices
    where last_received_at > timestamptz 'epoch' + ${afterUs}::bigint * interval '1 microsecond' and ${which}
    order by last_received_at limit ${MAX_ARRIVALS}`);
  return rows.map(({ id, received }) => ({ deviceId: id, receivedUs: Number(received) }));
}

/**
 * The newest record of each device by time of measurement, of those measured within an hour of their arrival: what a device
 * sends later than that is not what it measures now.
 */
export async function readLatestValues(
  db: Queryable,
  deviceIds: readonly string[],
): Promise<TelemetryEvent[]> {
  if (deviceIds.length === 0) return [];
  const ids = sql`${arrayLiteral(deviceIds)}::uuid[]`;
  const [arrived] = await db.execute<{ first: number | null; last: number | null }>(sql`
    select extract(epoch from min(last_received_at))::float8 * 1000 as first,
      extract(epoch from max(last_received_at))::float8 * 1000 as last
    from telemetry_devices where device_id = any(${ids})`);
  if (typeof arrived?.first !== 'number' || typeof arrived.last !== 'number') return [];
  // What each row compares with is no constant: by these the partitions of other days are not opened.
  const from = new Date(arrived.first - LATE_MS).toISOString();
  const to = new Date(arrived.last + 2 * AHEAD_MS).toISOString();
  const rows = await db.execute<{
    id: string;
    at: string;
    received: string;
    data: Record<string, unknown>;
  }>(sql`
    select device_id as id, (extract(epoch from at) * 1000000)::bigint as at,
      (extract(epoch from received) * 1000000)::bigint as received, data
    from telemetry_devices as device
    cross join lateral (
      select at, received, data from telemetry
      where device = device.key and at >= ${from}::timestamptz and at < ${to}::timestamptz
        and at >= device.last_received_at - ${LATE_MS} * interval '1 millisecond'
        and at <= device.last_received_at + ${AHEAD_MS} * interval '1 millisecond'
      order by at desc, received desc limit 1
    ) as record
    where device_id = any(${ids})`);
  return rows.map(({ id, at, received, data }) => ({
    device: id,
    ...toRecordAnswer({ atUs: Number(at), receivedUs: Number(received), data }),
  }));
}
