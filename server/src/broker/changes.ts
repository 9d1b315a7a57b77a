import { sql } from 'drizzle-orm';
import type { Receipt } from '../../contract/api/broker.ts';
import type { Queryable } from '../platform/db/client.ts';
import { brokerChanges } from '../platform/db/schema.ts';

/** How features pass changes to the broker: enqueued in the transaction of the change, flushed after its commit. */
export interface BrokerChanges {
  /**
   * Enqueues in the transaction `tx` that these devices have to be synced to the broker, in this order; the first is the
   * one that the change is about.
   *
   * @returns the change, to pass to `flush` after the commit.
   */
  enqueue(tx: Queryable, deviceIds: readonly string[], reason: string): Promise<EnqueuedChange>;
  /** Applies the change now, before what else is queued; never throws. One that has to wait for the broker is `queued`. */
  flush(change: EnqueuedChange): Promise<Receipt>;
}

export interface EnqueuedChange {
  /** Its devices in order, each with its rows in the table of changes. */
  readonly devices: readonly QueuedDevice[];
  /** Unix milliseconds. */
  readonly enqueuedAt: number;
}

/** A device to be synced, and the rows of the queue that this takes care of. */
export interface QueuedDevice {
  readonly id: string;
  readonly rows: readonly number[];
}

/** What takes rights away goes before everything else that is queued. */
const URGENT: ReadonlySet<string> = new Set(['device.revoked', 'device.rotated', 'device.deleted']);

/** Writes the rows of a change. */
export async function enqueueChange(
  tx: Queryable,
  deviceIds: readonly string[],
  reason: string,
  now: number,
): Promise<EnqueuedChange> {
  const rows = await tx
    .insert(brokerChanges)
    .values(
      deviceIds.map((deviceId, at) => ({
        deviceId,
        reason,
        urgent: at === 0 && URGENT.has(reason),
        createdAt: sql`now()`,
      })),
    )
    .returning({ id: brokerChanges.id, deviceId: brokerChanges.deviceId });
  const byDevice = new Map<string, number[]>();
  for (const { id, deviceId } of rows) byDevice.set(deviceId, [...(byDevice.get(deviceId) ?? []), id]);
  return { devices: [...byDevice].map(([id, own]) => ({ id, rows: own })), enqueuedAt: now };
}
