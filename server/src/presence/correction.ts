import { NIL_UUID } from '../../contract/uuid.ts';
import type { PresenceCorrection } from '../broker/reconcile-sessions.ts';
import type { Queryable } from '../platform/db/client.ts';
import { onlineIds, writeConnected, writeOffline } from './store.ts';

const PAGE = 1_000;
/** The clocks of broker and server may differ by this much without a session that began meanwhile being lost. */
const CLOCK_SKEW_MS = 5_000;

/**
 * Corrects presence by the broker's list of sessions, for events that were lost while no server listened. Holds the ids
 * of connected devices in memory until `finish` (about 100 bytes each).
 *
 * @param startedAt when the list began to be read, Unix milliseconds.
 */
export function createPresenceCorrection(db: Queryable, startedAt: number): PresenceCorrection {
  const connected = new Set<string>();
  const before = startedAt - CLOCK_SKEW_MS;
  return {
    async page(listed) {
      for (const { id } of listed) connected.add(id);
      await writeConnected(db, listed);
    },
    async finish() {
      let after = NIL_UUID;
      for (;;) {
        const ids = await onlineIds(db, after, before, PAGE);
        const last = ids.at(-1);
        if (last === undefined) return;
        after = last;
        await writeOffline(
          db,
          ids.filter((id) => !connected.has(id)),
          before,
        );
      }
    },
  };
}
