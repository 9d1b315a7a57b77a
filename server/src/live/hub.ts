import { endUnauthenticated, type StillAuthenticated, type Viewer as StreamViewer } from '../http/viewers.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Database, Queryable } from '../platform/db/client.ts';
import type { LiveEvent, LiveSource } from '../platform/live-source.ts';
import type { Logger } from '../platform/logger.ts';
import { type Place, writePlace } from './place.ts';
import { followValues, type ValueReader } from './values.ts';

export interface HubDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly sources: readonly LiveSource[];
  readonly values: ValueReader;
  readonly stillAuthenticated: StillAuthenticated;
}

/** One stream and what it is to be told. */
export interface Viewer extends StreamViewer {
  readonly kinds: readonly string[];
  /** Devices whose values it sees; all of them with `allValues`. */
  readonly devices: readonly string[];
  readonly allValues: boolean;
  /** Where it was before; without one it begins now. */
  readonly from: Place | undefined;
  /** It came with an id that names no place. */
  readonly lost: boolean;
}

export interface Hub {
  join(viewer: Viewer): void;
  viewers(): readonly Viewer[];
  close(): void;
}

interface Following extends Viewer {
  place: Place | undefined;
  begun: boolean;
  /** When the value arrived that a device was shown with at the beginning. */
  readonly shown: Map<string, string>;
}

const LOOK_MS = 1_000;
/** Changes of one kind that are told one by one. */
const MAX_CHANGES = 1_000;

/**
 * Looks once a second, while anyone watches, for what changed in the database, whichever instance changed it: one transaction
 * for all viewers that were told the same. Those that come back are told from where they were, and join the others there.
 */
export function createHub({ db, clock, log, sources, values, stillAuthenticated }: HubDeps): Hub {
  const following = new Set<Following>();
  let valueFollower = followValues(values, clock);
  let ticker: Timer | undefined;
  let looking = false;
  let again = false;

  async function look(): Promise<void> {
    await endUnauthenticated([...following], stillAuthenticated);
    await db.transaction(tellChanges, { isolationLevel: 'repeatable read', accessMode: 'read only' });
    await tellValues();
  }

  async function tellChanges(tx: Queryable): Promise<void> {
    const groups = Map.groupBy(following, ({ kinds, place }) => JSON.stringify([kinds, place]));
    for (const group of groups.values()) {
      const [one] = group;
      if (!one) continue;
      const found = await readChanges(tx, one.kinds, one.place);
      for (const viewer of group) tell(viewer, found);
    }
  }

  async function readChanges(tx: Queryable, kinds: readonly string[], from: Place | undefined) {
    const events: LiveEvent[] = [];
    const place: Record<string, string> = {};
    let reset: 'expired' | 'too_many' | undefined;
    for (const source of sources) {
      if (!kinds.includes(source.kind)) continue;
      const cursor = from?.[source.kind];
      const changes = await source.since(tx, cursor, MAX_CHANGES);
      place[source.kind] = changes.next;
      if (changes.events.length > MAX_CHANGES) reset ??= 'too_many';
      else events.push(...changes.events);
      if (changes.expired || (from !== undefined && cursor === undefined)) reset = 'expired';
    }
    return { events, place, reset };
  }

  function tell(viewer: Following, found: Awaited<ReturnType<typeof readChanges>>): void {
    const started = viewer.place === undefined && !viewer.begun;
    const reason = started ? (viewer.lost ? 'expired' : 'started') : found.reset;
    const events: LiveEvent[] = [
      ...(reason === undefined ? [] : [{ name: 'reset', data: { reason } }]),
      ...found.events,
    ];
    viewer.place = found.place;
    viewer.begun = true;
    const id = writePlace(found.place);
    // A stream that ends within these is resumed before them: none is missed.
    viewer.stream.send(...events.map((event, at) => (at === events.length - 1 ? { ...event, id } : event)));
  }

  async function tellValues(): Promise<void> {
    const viewers = [...following].filter(({ allValues, devices }) => allValues || devices.length > 0);
    if (viewers.length === 0) return;
    const changed = await valueFollower.changed({
      all: viewers.some(({ allValues }) => allValues),
      devices: [...new Set(viewers.flatMap(({ devices }) => devices))],
    });
    for (const { allValues, devices, stream, shown } of viewers) {
      const wanted = changed.filter(
        ({ device, received }) => (allValues || devices.includes(device)) && shown.get(device) !== received,
      );
      if (wanted.length > 0) stream.send(...wanted.map((data) => ({ name: 'telemetry', data })));
    }
  }

  /** A look that is asked for during another one follows it. */
  function run(): void {
    again = true;
    if (looking) return;
    looking = true;
    void (async () => {
      while (again && following.size > 0) {
        again = false;
        await look().catch((error: unknown) =>
          log.debug({ err: error }, 'live events wait for the database'),
        );
      }
      looking = false;
    })();
  }

  async function begin(viewer: Following): Promise<void> {
    const latest = await valueFollower.latest(viewer.devices).catch(() => []);
    for (const { device, received } of latest) viewer.shown.set(device, received);
    if (latest.length > 0) viewer.stream.send(...latest.map((data) => ({ name: 'telemetry', data })));
    run();
  }

  function leave(viewer: Following): void {
    following.delete(viewer);
    if (following.size > 0) return;
    ticker?.cancel();
    ticker = undefined;
  }

  return {
    join(viewer) {
      const joined: Following = {
        ...viewer,
        place: viewer.from,
        begun: viewer.from !== undefined,
        shown: new Map(),
      };
      if (following.size === 0) valueFollower = followValues(values, clock);
      following.add(joined);
      viewer.stream.signal.addEventListener('abort', () => leave(joined), { once: true });
      ticker ??= clock.setTicker(run, LOOK_MS);
      void begin(joined);
    },
    viewers: () => [...following],
    close() {
      ticker?.cancel();
      ticker = undefined;
    },
  };
}
