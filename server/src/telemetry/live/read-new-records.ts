import { sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import type { StoredRecord } from '../query/read-records.ts';

/** What has come since a viewer looked last. */
export interface NewRecords {
  /** In the order of receipt. */
  readonly records: readonly StoredRecord[];
  /** How many records of the device were stored altogether. */
  readonly stored: number;
}

/** Records measured longer ago than that, when they arrive, are not shown one by one. */
const LATE_SECONDS = 3_600;

/**
 * Records that were received after `afterUs` (Unix microseconds), at most `limit` of them. Those of long ago, which a device
 * sends after it was offline, show in `stored` alone: the index is by time of measurement.
 */
export async function readNewRecords(
  db: Queryable,
  deviceId: string,
  afterUs: number,
  limit: number,
): Promise<NewRecords> {
  const after = sql`(timestamptz 'epoch' + ${afterUs}::bigint * interval '1 microsecond')`;
  const since = new Date(Math.floor(afterUs / 1_000) - LATE_SECONDS * 1_000).toISOString();
  const rows = await db.execute<{
    stored: string;
    at: string | null;
    received: string | null;
    data: StoredRecord['data'] | null;
  }>(sql`
    select device.stored, (extract(epoch from at) * 1000000)::bigint as at,
      (extract(epoch from received) * 1000000)::bigint as received, data
    from telemetry_devices as device
    left join lateral (
      select at, received, data from telemetry
      where device = device.key and at >= ${since}::timestamptz and received > ${after}
      order by received limit ${limit}
    ) as record on true
    where device.device_id = ${deviceId}
    order by received`);
  const records = rows.flatMap(({ at, received, data }) =>
    at === null || received === null || data === null
      ? []
      : [{ atUs: Number(at), receivedUs: Number(received), data }],
  );
  return { records, stored: Number(rows[0]?.stored ?? 0) };
}
