import { NIL_UUID } from '../../contract/uuid.ts';
import type { ListedDevice, PresenceCorrection } from '../broker/reconcile-sessions.ts';
import type { Queryable } from '../platform/db/client.ts';
import { inParallel } from '../platform/parallel.ts';
import { databaseTime, onlineIds, writeConnected, writeOffline } from './store.ts';

const PAGE = 1_000;
const PARALLEL = 8;

/**
 * Corrects presence by the broker's list of sessions, for events that were lost while no server listened. The list is the
 * truth whatever its times, which are the broker's; only what was learnt after it began to be read is newer. Holds the ids
 * of connected devices in memory until `finish` (about 100 bytes each).
 */
export function createPresenceCorrection(db: Queryable): PresenceCorrection {
  const connected = new Set<string>();
  let since: string | undefined;

  function begun(): string {
    if (since === undefined) throw new Error('the correction of presence has not begun');
    return since;
  }

  return {
    async begin() {
      since = await databaseTime(db);
    },
    async page(listed) {
      for (const { id } of listed) connected.add(id);
      await writeConnected(db, listed, begun());
    },
    async finish(lookUp) {
      let after = NIL_UUID;
      for (;;) {
        const ids = await onlineIds(db, after, begun(), PAGE);
        const last = ids.at(-1);
        if (last === undefined) return;
        after = last;
        // The list is read page by page: who leaves the first one moves others between the reads.
        const found: ListedDevice[] = [];
        const gone: string[] = [];
        const unlisted = ids.filter((id) => !connected.has(id));
        await inParallel(unlisted, PARALLEL, async (id) => {
          const device = await lookUp(id);
          if (device) found.push(device);
          else gone.push(id);
        });
        await writeConnected(db, found, begun());
        await writeOffline(db, gone, begun());
      }
    },
  };
}
