import { sql } from 'drizzle-orm';
import type { Clock } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import { createWriteBehind, type WriteBehind } from '../platform/write-behind.ts';

/** When devices were last seen: Unix milliseconds by device id. */
export type LastSeen = WriteBehind<string, number>;

interface LastSeenDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Collects when devices were last seen and writes it every 5 s. */
export function createLastSeen({ db, clock, log }: LastSeenDeps): LastSeen {
  return createWriteBehind({
    name: 'last-seen times',
    clock,
    log,
    intervalMs: 5_000,
    maxEntries: 200_000,
    pieceEntries: 5_000,
    merge: Math.max,
    write: (seen) => writeLastSeen(db, seen),
  });
}

/**
 * Writes last-seen times in one statement; a later time is never replaced by an earlier one, unless it lies in the future: an
 * instance's clock was ahead.
 */
export async function writeLastSeen(db: Queryable, seen: ReadonlyMap<string, number>): Promise<void> {
  const rows = [...seen].map(([id, at]) => ({ id, at: new Date(at).toISOString() }));
  await db.execute(sql`
    update devices set last_seen_at = case when devices.last_seen_at > now() + interval '1 minute' then seen.at
      else greatest(devices.last_seen_at, seen.at) end
    from json_to_recordset(${JSON.stringify(rows)}::json) as seen (id uuid, at timestamptz)
    where devices.id = seen.id`);
}
