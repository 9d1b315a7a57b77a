import { sql } from 'drizzle-orm';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { telemetryRejects } from '../../platform/db/schema.ts';
import type { BatchPlan, NumberedStream, Reject, TelemetryRecord } from './plan-batch.ts';
import { flattenGaps } from './streams.ts';

type KeyOf = (deviceId: string) => number;

/** Stands in no JSON text, where control characters are escaped. */
const SEPARATOR = '\x01';

/**
 * Inserts records with one statement. Data is sent as text: PostgreSQL parses it once, into `jsonb`. Texts are joined by a
 * separator, because an array literal would have every quote of them escaped here and unescaped there.
 */
export async function insertRecords(
  tx: Queryable,
  records: readonly TelemetryRecord[],
  keyOf: KeyOf,
): Promise<void> {
  if (records.length === 0) return;
  await tx.execute(sql`
    insert into telemetry (device, at, received, data)
    select device, to_timestamp(at / 1e6::float8), to_timestamp(received / 1e6::float8), data::jsonb
    from unnest(
      ${arrayLiteral(records.map(({ deviceId }) => keyOf(deviceId)))}::int[],
      ${arrayLiteral(records.map(({ atUs }) => atUs))}::bigint[],
      ${arrayLiteral(records.map(({ receivedUs }) => receivedUs))}::bigint[],
      string_to_array(${records.map(({ text }) => text).join(SEPARATOR)}, ${SEPARATOR})
    ) as record (device, at, received, data)`);
}

/** Writes how far the boots of a batch have come, where that has changed. */
export async function writeStreams(
  tx: Queryable,
  streams: Iterable<NumberedStream>,
  keyOf: KeyOf,
  now: Date,
): Promise<void> {
  const rows = [...streams].filter(({ changed }) => changed);
  if (rows.length === 0) return;
  await tx.execute(sql`
    insert into device_streams as known (device, boot, last_n, gaps, updated_at)
    select device, boot, last_n, gaps::bigint[], ${now.toISOString()}::timestamptz
    from unnest(
      ${arrayLiteral(rows.map(({ deviceId }) => keyOf(deviceId)))}::int[],
      ${arrayLiteral(rows.map(({ boot }) => boot))}::bigint[],
      ${arrayLiteral(rows.map(({ stream }) => stream.lastN))}::bigint[],
      ${arrayLiteral(rows.map(({ stream }) => arrayLiteral(flattenGaps(stream.gaps))))}::text[]
    ) as changed (device, boot, last_n, gaps)
    on conflict (device, boot) do update
      set last_n = excluded.last_n, gaps = excluded.gaps, updated_at = excluded.updated_at`);
}

/** Adds what happened to the account of each device. */
export async function writeCounts(
  tx: Queryable,
  counts: BatchPlan['counts'],
  keyOf: KeyOf,
  now: Date,
): Promise<void> {
  if (counts.size === 0) return;
  const rows = [...counts];
  const column = (name: 'stored' | 'lost' | 'repeated' | 'rejected') =>
    arrayLiteral(rows.map(([, count]) => count[name]));
  await tx.execute(sql`
    update telemetry_devices as device set
      stored = device.stored + batch.stored,
      lost = greatest(device.lost + batch.lost, 0),
      repeated = device.repeated + batch.repeated,
      rejected = device.rejected + batch.rejected,
      last_received_at = ${now.toISOString()}::timestamptz
    from unnest(
      ${arrayLiteral(rows.map(([deviceId]) => keyOf(deviceId)))}::int[],
      ${column('stored')}::bigint[], ${column('lost')}::bigint[],
      ${column('repeated')}::bigint[], ${column('rejected')}::bigint[]
    ) as batch (key, stored, lost, repeated, rejected)
    where device.key = batch.key`);
}

/** Marks hours whose rollup has to be made or made again. */
export async function markDirtyHours(
  tx: Queryable,
  hours: readonly { readonly device: number; readonly hourMs: number }[],
): Promise<void> {
  if (hours.length === 0) return;
  await tx.execute(sql`
    insert into telemetry_dirty_hours (device, hour)
    select device, timestamptz 'epoch' + hour * interval '1 millisecond'
    from unnest(
      ${arrayLiteral(hours.map(({ device }) => device))}::int[],
      ${arrayLiteral(hours.map(({ hourMs }) => hourMs))}::bigint[]
    ) as marked (device, hour)
    on conflict do nothing`);
}

const KEPT_PAYLOAD_BYTES = 4_096;

/** Keeps payloads that could not be stored, for an operator to look at. */
export async function insertRejects(tx: Queryable, rejects: readonly Reject[]): Promise<void> {
  if (rejects.length === 0) return;
  await tx.insert(telemetryRejects).values(
    rejects.map(({ deviceId, topic, reason, payload, receivedUs }) => ({
      receivedAt: new Date(receivedUs / 1_000),
      topic: topic.replaceAll('\0', ''),
      deviceId: deviceId ?? null,
      reason,
      payload: payload.subarray(0, KEPT_PAYLOAD_BYTES),
      payloadBytes: payload.length,
    })),
  );
}
