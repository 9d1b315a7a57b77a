import type { LiveChanges, LiveEvent } from '../live-source.ts';
import { currentSnapshot, isBefore } from './changes-since.ts';
import type { Queryable } from './client.ts';

/** What a `LiveSource` answers whose rows carry change marks: its cursor is a snapshot, and `read` finds what it did not see. */
export async function markedChanges(
  tx: Queryable,
  cursor: string | undefined,
  read: (snapshot: string) => Promise<readonly LiveEvent[]>,
): Promise<LiveChanges> {
  const next = await currentSnapshot(tx);
  if (cursor === undefined) return { events: [], next };
  if (!isBefore(cursor, next)) return { events: [], next, expired: true };
  return { events: await read(cursor), next };
}
