import { z } from 'zod';
import type { MessageHandler } from '../messaging/dispatch.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';

/** The newest session of a device that an event told of. */
export interface SessionEvent {
  /** Unix milliseconds, by the broker's clock: what tells the sessions of a device apart. */
  readonly connectedAt: number;
  readonly ended: boolean;
}

export interface PresenceDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly write: (events: ReadonlyMap<string, SessionEvent>) => Promise<void>;
  /** Told of every device of which an event arrived. */
  readonly onSeen: (deviceId: string) => void;
}

export interface Presence {
  /** Handles `$SYS/brokers/{node}/clients/{clientid}/connected` and `…/disconnected`. */
  readonly onConnected: MessageHandler;
  readonly onDisconnected: MessageHandler;
  start(): void;
  close(): Promise<void>;
}

const WRITE_INTERVAL_MS = 500;

const event = z.object({ connected_at: z.int().positive() });

/**
 * Turns the broker's client events into presence. Several arrive at once when many devices reconnect, in any order and at
 * any instance; so they are folded per device to the newest session and written together twice a second.
 */
export function createPresence(deps: PresenceDeps): Presence {
  let pending = new Map<string, SessionEvent>();
  let ticker: Timer | undefined;
  let writing: Promise<void> = Promise.resolve();

  function handler(ended: boolean): MessageHandler {
    return ({ deviceId, body }) => {
      const parsed = event.safeParse(body);
      if (!parsed.success) return 'ignored';
      deps.onSeen(deviceId);
      const next = { connectedAt: parsed.data.connected_at, ended };
      pending.set(deviceId, newer(pending.get(deviceId), next));
      return 'noted';
    };
  }

  async function flush(): Promise<void> {
    if (pending.size === 0) return;
    const batch = pending;
    pending = new Map();
    try {
      await deps.write(batch);
    } catch (error) {
      for (const [id, older] of batch) pending.set(id, newer(older, pending.get(id) ?? older));
      deps.log.warn({ err: error, devices: batch.size }, 'presence waits for the database');
    }
  }

  function tick(): void {
    writing = writing.then(flush);
  }

  return {
    onConnected: handler(false),
    onDisconnected: handler(true),
    start() {
      ticker ??= deps.clock.setTicker(tick, WRITE_INTERVAL_MS);
    },
    async close() {
      ticker?.cancel();
      tick();
      await writing;
    },
  };
}

/** The later of two events of a device; of one session, its end. */
function newer(known: SessionEvent | undefined, next: SessionEvent): SessionEvent {
  if (!known || next.connectedAt > known.connectedAt) return next;
  if (next.connectedAt === known.connectedAt && next.ended) return next;
  return known;
}
