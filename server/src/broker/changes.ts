import type { Receipt } from '../../contract/api/broker.ts';
import type { Queryable } from '../platform/db/client.ts';
import { brokerChanges } from '../platform/db/schema.ts';

/** How features tell the broker of changes: noted in the transaction of the change, applied after its commit. */
export interface BrokerChanges {
  /**
   * Notes in the transaction `tx` that the broker has to be brought up to date about these devices, in this order.
   *
   * @returns the change, to be handed to `apply` after the commit.
   */
  note(tx: Queryable, deviceIds: readonly string[], reason: string): Promise<NotedChange>;
  /** Applies what is noted, this change included; never throws. A change that has to wait for the broker is `queued`. */
  apply(change: NotedChange): Promise<Receipt>;
}

export interface NotedChange {
  /** The ids of its rows in the table of changes. */
  readonly ids: readonly number[];
  /** Unix milliseconds. */
  readonly notedAt: number;
}

/** Writes the rows of a change. */
export async function noteChange(
  tx: Queryable,
  deviceIds: readonly string[],
  reason: string,
  now: number,
): Promise<NotedChange> {
  const rows = await tx
    .insert(brokerChanges)
    .values(deviceIds.map((deviceId) => ({ deviceId, reason, createdAt: new Date(now) })))
    .returning({ id: brokerChanges.id });
  return { ids: rows.map(({ id }) => id), notedAt: now };
}
