import type { Receipt } from '../../contract/api/broker.ts';
import type { Queryable } from '../platform/db/client.ts';
import { brokerChanges } from '../platform/db/schema.ts';

/** How features pass changes to the broker: enqueued in the transaction of the change, flushed after its commit. */
export interface BrokerChanges {
  /**
   * Enqueues in the transaction `tx` that these devices have to be synced to the broker, in this order.
   *
   * @returns the change, to pass to `flush` after the commit.
   */
  enqueue(tx: Queryable, deviceIds: readonly string[], reason: string): Promise<EnqueuedChange>;
  /** Applies what is enqueued, this change included; never throws. A change that has to wait for the broker is `queued`. */
  flush(change: EnqueuedChange): Promise<Receipt>;
}

export interface EnqueuedChange {
  /** The ids of its rows in the table of changes. */
  readonly ids: readonly number[];
  /** Unix milliseconds. */
  readonly enqueuedAt: number;
}

/** Writes the rows of a change. */
export async function enqueueChange(
  tx: Queryable,
  deviceIds: readonly string[],
  reason: string,
  now: number,
): Promise<EnqueuedChange> {
  const rows = await tx
    .insert(brokerChanges)
    .values(deviceIds.map((deviceId) => ({ deviceId, reason, createdAt: new Date(now) })))
    .returning({ id: brokerChanges.id });
  return { ids: rows.map(({ id }) => id), enqueuedAt: now };
}

/** Two changes as one, to be flushed together. */
export function mergeChanges(first: EnqueuedChange, second: EnqueuedChange): EnqueuedChange {
  return {
    ids: [...first.ids, ...second.ids],
    enqueuedAt: Math.min(first.enqueuedAt, second.enqueuedAt),
  };
}
