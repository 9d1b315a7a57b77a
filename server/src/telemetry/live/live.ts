import { sql } from 'drizzle-orm';
import { endUnauthenticated, type StillAuthenticated, type Viewer } from '../../http/viewers.ts';
import type { Clock, Timer } from '../../platform/clock.ts';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import type { Logger } from '../../platform/logger.ts';

export interface LiveDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly log: Logger;
  readonly stillAuthenticated: StillAuthenticated;
}

/** Who watches a device. */
export interface LiveViewer extends Viewer {
  /** Called when the device may have sent something. */
  onChange(): void;
}

/** Tells viewers when a device has sent something, whichever instance stored it. */
export interface Live {
  /** Calls back after each change, until the stream has ended; it is ended when its credential is no longer good. */
  watch(deviceId: string, viewer: LiveViewer): void;
  /** Has the viewers of a device called back at the next look, whether or not it has sent something. */
  lookAgain(deviceId: string): void;
  /** Tells of what this instance has just stored, without waiting for the next look. */
  ring(deviceIds: Iterable<string>): void;
  viewers(): readonly Viewer[];
  close(): void;
}

const LOOK_MS = 1_000;

/**
 * The database is what tells: while anyone watches, this instance reads the counters of the watched devices once a second,
 * in one statement. Nobody watching costs nothing, and the broker has no part in it.
 */
export function createLive({ db, clock, log, stillAuthenticated }: LiveDeps): Live {
  const watched = new Map<string, Set<LiveViewer>>();
  const known = new Map<string, string>();
  let ticker: Timer | undefined;
  let looking = false;

  function ring(deviceIds: Iterable<string>): void {
    for (const deviceId of deviceIds) for (const viewer of watched.get(deviceId) ?? []) viewer.onChange();
  }

  function viewers(): LiveViewer[] {
    return [...watched.values()].flatMap((ofDevice) => [...ofDevice]);
  }

  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    try {
      await endUnauthenticated(viewers(), stillAuthenticated);
      const rows = await db.execute<{ id: string; stored: string }>(sql`
        select device_id as id, stored from telemetry_devices
        where device_id = any(${arrayLiteral([...watched.keys()])}::uuid[])`);
      const changed = rows.filter(({ id, stored }) => known.get(id) !== stored);
      for (const { id, stored } of changed) known.set(id, stored);
      ring(changed.map(({ id }) => id));
    } catch (error) {
      log.debug({ err: error }, 'live telemetry waits for the database');
    } finally {
      looking = false;
    }
  }

  function leave(deviceId: string, viewer: LiveViewer): void {
    const others = watched.get(deviceId);
    others?.delete(viewer);
    if (others?.size === 0) {
      watched.delete(deviceId);
      known.delete(deviceId);
    }
    if (watched.size > 0) return;
    ticker?.cancel();
    ticker = undefined;
  }

  return {
    watch(deviceId, viewer) {
      watched.set(deviceId, (watched.get(deviceId) ?? new Set()).add(viewer));
      viewer.stream.signal.addEventListener('abort', () => leave(deviceId, viewer), { once: true });
      ticker ??= clock.setTicker(() => void look(), LOOK_MS);
      viewer.onChange();
    },
    lookAgain: (deviceId) => void known.delete(deviceId),
    ring,
    viewers,
    close() {
      ticker?.cancel();
      watched.clear();
    },
  };
}
