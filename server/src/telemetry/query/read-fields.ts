import { sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import { isField, MAX_FIELDS } from '../store/fields.ts';

/** A field that a device has sent, with its newest value. */
export interface Field {
  readonly name: string;
  /** Of JSON: `number`, `string`, `boolean`, `object` or `array`. */
  readonly kind: string;
  readonly value: unknown;
  /** Unix milliseconds. */
  readonly atMs: number;
  /** From `about`, where the device has said it. */
  readonly unit?: string | undefined;
  readonly quantity?: string | undefined;
}

const HOUR_MS = 3_600_000;

/**
 * The fields of a device by name: those of the hours that are rolled up, and what has come since. Of that, the newest time of
 * each field is found first and then its value: sorting all values takes four times as long.
 */
export async function readFields(db: Queryable, device: number): Promise<Field[]> {
  const { from, to } = await staleRange(db, device);
  const rows = await db.execute<{
    name: string;
    kind: string;
    value: unknown;
    at: number;
    unit: string | null;
    quantity: string | null;
  }>(sql`
    with sent as (
      select entry.key as field, max(record.at) as last_at
      from (select distinct hour from telemetry_dirty_hours where device = ${device}) as stale
      cross join lateral (
        select at, data from telemetry
        where device = ${device} and at >= ${from}::timestamptz and at < ${to}::timestamptz
          and at >= stale.hour and at < stale.hour + interval '1 hour' offset 0
      ) as record
      cross join lateral jsonb_each(record.data) as entry
      where ${isField(sql`entry.key`)} and jsonb_typeof(entry.value) <> 'null'
      group by entry.key order by entry.key limit ${MAX_FIELDS}
    ),
    recent as (
      select field, jsonb_typeof(last) as kind, last_at, received, last from sent
      cross join lateral (
        select received, data -> field as last from telemetry
        where device = ${device} and at >= ${from}::timestamptz and at < ${to}::timestamptz and at = last_at
          and jsonb_typeof(data -> field) <> 'null'
        order by received desc limit 1
      ) as record
    ),
    newest as (
      select distinct on (field) field, kind, last, last_at from (
        select field, kind, last, last_at, received from recent
        union all
        select field, kind, last, last_at, last_at from telemetry_fields where device = ${device}
      ) as known
      order by field, last_at desc, received desc
      limit ${MAX_FIELDS}
    )
    select newest.field as name, kind, jsonb_build_object('v', last) as value,
      extract(epoch from last_at)::float8 * 1000 as at,
      about.fields -> newest.field ->> 'u' as unit, about.fields -> newest.field ->> 'k' as quantity
    from newest
    left join telemetry_devices on telemetry_devices.key = ${device}
    left join device_about as about on about.device_id = telemetry_devices.device_id
    order by newest.field`);
  return rows.map(({ name, kind, value, at, unit, quantity }) => ({
    name,
    kind,
    value: (value as { v: unknown }).v,
    atMs: Math.round(at),
    unit: unit ?? undefined,
    quantity: quantity ?? undefined,
  }));
}

/** From the first to the last hour of a device that is not rolled up, so that the partitions of other days are not opened. */
async function staleRange(
  db: Queryable,
  device: number,
): Promise<{ readonly from: string; readonly to: string }> {
  const [range] = await db.execute<{ first: number | null; last: number | null }>(sql`
    select extract(epoch from min(hour))::float8 * 1000 as first, extract(epoch from max(hour))::float8 * 1000 as last
    from telemetry_dirty_hours where device = ${device}`);
  const from = range?.first ?? 0;
  const to = range?.last === null || range?.last === undefined ? from : range.last + HOUR_MS;
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}
