import { sql } from 'drizzle-orm';
import { arrayLiteral } from '../../src/platform/db/array-literal.ts';
import type { Queryable } from '../../src/platform/db/client.ts';
import { writeSessionFacts } from '../../src/presence/history.ts';
import { createDeviceState } from '../../src/telemetry/ingest/device-state.ts';
import { planBatch, readDelivery, streamKey } from '../../src/telemetry/ingest/plan-batch.ts';
import {
  insertRecords,
  markDirtyHours,
  writeCounts,
  writeStreams,
} from '../../src/telemetry/ingest/write-batch.ts';
import type { Past } from './past.ts';

const BATCH = 1_000;
const HOUR_US = 3_600_000_000;

/** Writes the past of one device as the ingest and the presence write what happens; rollups follow from the marked hours. */
export async function writePast(tx: Queryable, deviceId: string, past: Past): Promise<void> {
  await writeSessionFacts(tx, past.sessions);
  // They were learnt of when they happened: whether a device flaps is told from what was learnt lately.
  await tx.execute(sql`
    update device_sessions set noted_at = coalesce(disconnected_at, connected_at)
    where device_id = ${deviceId}::uuid
      and connected_at = any(${arrayLiteral(past.sessions.map(({ connectedAt }) => new Date(connectedAt).toISOString()))}::timestamptz[])`);
  await tx.execute(sql`
    update devices set last_seen_at = greatest(last_seen_at,
      (select max(disconnected_at) from device_sessions where device_id = ${deviceId}::uuid))
    where id = ${deviceId}::uuid`);

  const state = createDeviceState();
  for (let at = 0; at < past.deliveries.length; at += BATCH) {
    const batch = past.deliveries.slice(at, at + BATCH).map(readDelivery);
    const boots = new Map(
      batch.flatMap((read) => {
        const number = read.kind === 'reject' ? undefined : read.number;
        return number ? [[streamKey(deviceId, number.boot), { deviceId, boot: number.boot }] as const] : [];
      }),
    );
    await state.load(tx, new Set([deviceId]), boots);
    const lastUs = batch.at(-1)?.delivery.receivedUs ?? 0;
    const plan = planBatch(batch, {
      window: { holds: () => false },
      uncertain: false,
      streams: state.streams,
      now: Math.floor(lastUs / 1_000_000),
    });
    const { keyOf } = state;
    const received = new Date(lastUs / 1_000);
    const hours = new Set(plan.records.map(({ atUs }) => Math.floor(atUs / HOUR_US)));
    await insertRecords(tx, plan.records, keyOf);
    await writeStreams(tx, plan.streams.values(), keyOf, received);
    await writeCounts(tx, plan.counts, keyOf, received);
    await markDirtyHours(
      tx,
      [...hours].map((hour) => ({ device: keyOf(deviceId), hourMs: hour * 3_600_000 })),
    );
    state.update(plan.streams);
  }
}
