import { sql } from 'drizzle-orm';
import type { Clock } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';

export interface LastSeen {
  start(): void;
  /** Notes that a device showed itself now. Cheap: it is written later, with others. */
  note(deviceId: string): void;
  /** Writes what is noted and stops. */
  close(): Promise<void>;
}

export interface LastSeenDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly write: (seen: ReadonlyMap<string, number>) => Promise<void>;
}

const INTERVAL_MS = 5_000;

/** Collects when devices were last seen and writes it with one statement every 5 s; what cannot be written waits. */
export function createLastSeen(deps: LastSeenDeps): LastSeen {
  let seen = new Map<string, number>();
  let writing: Promise<void> = Promise.resolve();
  let ticker: { cancel(): void } | undefined;

  async function flush(): Promise<void> {
    if (seen.size === 0) return;
    const batch = seen;
    seen = new Map();
    try {
      await deps.write(batch);
    } catch (error) {
      for (const [id, at] of batch) if (!seen.has(id)) seen.set(id, at);
      deps.log.warn({ err: error, devices: batch.size }, 'last-seen times wait for the database');
    }
  }

  function tick(): void {
    writing = writing.then(flush);
  }

  return {
    start() {
      ticker ??= deps.clock.setTicker(tick, INTERVAL_MS);
    },
    note(deviceId) {
      seen.set(deviceId, deps.clock.now());
    },
    async close() {
      ticker?.cancel();
      tick();
      await writing;
    },
  };
}

/** Writes last-seen times (Unix milliseconds by device id) in one statement; a later time is never replaced by an earlier one. */
export async function writeLastSeen(db: Queryable, seen: ReadonlyMap<string, number>): Promise<void> {
  const rows = [...seen].map(([id, at]) => ({ id, at: new Date(at).toISOString() }));
  await db.execute(sql`
    update devices set last_seen_at = greatest(devices.last_seen_at, seen.at)
    from json_to_recordset(${JSON.stringify(rows)}::json) as seen (id uuid, at timestamptz)
    where devices.id = seen.id`);
}
