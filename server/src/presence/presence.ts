import { z } from 'zod';
import type { MessageRoute } from '../messaging/dispatch.ts';
import type { Clock } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import { createWriteBehind } from '../platform/write-behind.ts';
import { type SessionEvent, writeSessionEvents } from './store.ts';

interface PresenceDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of every device of which an event arrived. */
  readonly onSeen: (deviceId: string) => void;
}

export interface Presence {
  readonly messages: readonly MessageRoute[];
  start(): void;
  close(): Promise<void>;
}

const event = z.object({ connected_at: z.int().positive() });

/**
 * Turns the broker's client events into presence. Several arrive at once when many devices reconnect, in any order and
 * at any instance; so they are merged per device into the newest session and written together twice a second.
 */
export function createPresence({ db, clock, log, onSeen }: PresenceDeps): Presence {
  const sessions = createWriteBehind<string, SessionEvent>({
    name: 'session events',
    clock,
    log,
    intervalMs: 500,
    maxEntries: 200_000,
    pieceEntries: 5_000,
    merge: newer,
    write: (events) => writeSessionEvents(db, events),
  });

  function route(name: string, ended: boolean): MessageRoute {
    return {
      name: `client_${name}`,
      topic: `$SYS/brokers/+/clients/{device}/${name}`,
      qos: 1,
      handler({ deviceId, body }) {
        const parsed = event.safeParse(body);
        if (!parsed.success) return 'ignored';
        onSeen(deviceId);
        sessions.add(deviceId, { connectedAt: parsed.data.connected_at, ended });
        return 'noted';
      },
    };
  }

  return {
    messages: [route('connected', false), route('disconnected', true)],
    start: sessions.start,
    close: sessions.close,
  };
}

/** The later of two events of a device; of one session, its end. */
function newer(known: SessionEvent, next: SessionEvent): SessionEvent {
  if (next.connectedAt > known.connectedAt) return next;
  if (next.connectedAt === known.connectedAt && next.ended) return next;
  return known;
}
