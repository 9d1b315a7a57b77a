import { z } from 'zod';
import { LATEST_MS } from '../../contract/text.ts';
import type { MessageRoute } from '../messaging/dispatch.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import { createWriteBehind } from '../platform/write-behind.ts';
import { mergeFacts, removeOldSessions, type SessionFacts, writeSessionFacts } from './history.ts';
import { presenceSource } from './live-source.ts';
import { presenceRoutes } from './routes.ts';
import { REORDER_MS, type SessionEvent, writeSessionEvents } from './store.ts';

interface PresenceDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of every device of which an event arrived. */
  readonly onSeen: (deviceId: string) => void;
  /** Told of every device that connected. */
  readonly onConnected: (deviceId: string) => void;
}

const CLEAN_EVERY_MS = 3_600_000;

const moment = z.int().positive().max(LATEST_MS);
const event = z.object({
  connected_at: moment,
  disconnected_at: moment.optional().catch(undefined),
  reason: z.string().max(100).optional().catch(undefined),
  ipaddress: z.string().max(64).optional().catch(undefined),
  keepalive: z.int().min(0).max(65_535).optional().catch(undefined),
});

/**
 * Turns the broker's client events into presence. Several arrive at once when many devices reconnect, in any order and
 * at any instance; so they are merged per device into the newest session and written together twice a second.
 */
export function createPresence({ db, clock, log, onSeen, onConnected }: PresenceDeps) {
  const sessions = createWriteBehind<string, SessionEvent>({
    name: 'session events',
    clock,
    log,
    intervalMs: 500,
    maxEntries: 200_000,
    pieceEntries: 5_000,
    merge: newer,
    write: (events) => writeSessionEvents(db, events, clock.now()),
  });

  const history = createWriteBehind<string, SessionFacts>({
    name: 'sessions of devices',
    clock,
    log,
    intervalMs: 500,
    maxEntries: 200_000,
    pieceEntries: 5_000,
    merge: mergeFacts,
    write: (facts) => writeSessionFacts(db, [...facts.values()]),
  });
  let cleaning: Timer | undefined;

  function clean(): void {
    removeOldSessions(db).catch((error: unknown) =>
      log.warn({ err: error }, 'old sessions are removed later'),
    );
  }

  function route(name: string, ended: boolean): MessageRoute {
    return {
      name: `client_${name}`,
      topic: `$SYS/brokers/+/clients/{device}/${name}`,
      qos: 1,
      handler({ deviceId, body }) {
        const parsed = event.safeParse(body);
        if (!parsed.success) return 'ignored';
        onSeen(deviceId);
        if (!ended) onConnected(deviceId);
        const { connected_at: connectedAt, disconnected_at: disconnectedAt, ...facts } = parsed.data;
        sessions.add(deviceId, { connectedAt, ended, notedAt: clock.now() });
        history.add(`${deviceId}/${connectedAt}`, {
          deviceId,
          connectedAt,
          disconnectedAt: ended ? (disconnectedAt ?? clock.now()) : undefined,
          reason: ended ? facts.reason : undefined,
          address: facts.ipaddress,
          keepAlive: facts.keepalive,
        });
        return 'noted';
      },
    };
  }

  return {
    messages: [route('connected', false), route('disconnected', true)],
    operatorRoutes: presenceRoutes({ db, clock }),
    liveSources: [presenceSource],
    start() {
      sessions.start();
      history.start();
    },
    onDatabaseReady() {
      cleaning ??= clock.setTicker(clean, CLEAN_EVERY_MS);
      clean();
    },
    async close() {
      cleaning?.cancel();
      await Promise.all([sessions.close(), history.close()]);
    },
  };
}

export type Presence = ReturnType<typeof createPresence>;

/** The later of two events of a device; of one session, its end. `next` arrived after `known`. */
function newer(known: SessionEvent, next: SessionEvent): SessionEvent {
  if (next.notedAt > known.notedAt + REORDER_MS && next.connectedAt !== known.connectedAt) return next;
  if (next.connectedAt > known.connectedAt) return next;
  if (next.connectedAt === known.connectedAt && next.ended) return next;
  return known;
}
