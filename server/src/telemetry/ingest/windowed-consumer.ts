import type { IPublishPacket } from 'mqtt-packet';
import type { Clock, Timer } from '../../platform/clock.ts';

/** A message as it came from the broker. */
export interface Delivery {
  /** Absent at QoS 0, where nothing is acknowledged. */
  readonly packetId: number | undefined;
  /** The broker has sent it before. */
  readonly dup: boolean;
  readonly topic: string;
  readonly payload: Buffer;
  /** Unix microseconds, ascending unless the clock is set back: keeps the order of what arrives within one millisecond. */
  readonly receivedUs: number;
}

export interface WindowedConsumerDeps {
  readonly clock: Clock;
  /** Stores a batch for good, however long that takes; a rejection means that this instance may not store any more. */
  readonly store: (batch: readonly Delivery[]) => Promise<void>;
  /** The session that deliveries come from. */
  readonly link: {
    acknowledge(packetIds: readonly number[]): void;
    pause(): void;
    resume(): void;
  };
  /** Called once, after a failure of `store`; nothing is stored from then on. */
  readonly onFailed: (error: unknown) => void;
}

export interface WindowedConsumer {
  push(packet: IPublishPacket): void;
  /** Messages that have arrived and are not acknowledged yet. */
  waiting(): number;
  /** Takes nothing more; resolves when the batch under way is stored and acknowledged. What waits is dropped. */
  stop(): Promise<void>;
}

const MAX_BATCH = 1_000;
const LINGER_MS = 10;
/** The broker keeps at most 2,048 in flight (`max_inflight` of its zone `server`), so that one batch arrives while another is stored; this bounds memory where it is not set up so. */
const MAX_WAITING = 4_096;
/** A clock that is further behind the last message was set back. */
const SET_BACK_US = 1_000_000;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/**
 * Collects messages into batches of up to 1,000, or what arrived within 10 ms, stores one batch after the other, and
 * acknowledges each in order after it is stored. While a batch is being stored the next one fills.
 */
export function createWindowedConsumer(deps: WindowedConsumerDeps): WindowedConsumer {
  let queue: Delivery[] = [];
  let waiting = 0;
  let waitingBytes = 0;
  let paused = false;
  let stopped = false;
  let storing: Promise<void> | undefined;
  let linger: Timer | undefined;
  let lastUs = 0;

  function storeNext(): void {
    linger?.cancel();
    linger = undefined;
    if (storing || stopped || queue.length === 0) return;
    const batch = queue.length > MAX_BATCH ? queue.slice(0, MAX_BATCH) : queue;
    queue = queue.length > MAX_BATCH ? queue.slice(MAX_BATCH) : [];
    storing = storeBatch(batch);
  }

  async function storeBatch(batch: readonly Delivery[]): Promise<void> {
    try {
      await deps.store(batch);
      deps.link.acknowledge(batch.flatMap(({ packetId }) => packetId ?? []));
      waiting -= batch.length;
      for (const { payload } of batch) waitingBytes -= payload.length;
      if (paused && waiting <= MAX_WAITING / 2 && waitingBytes <= MAX_WAITING_BYTES / 2) {
        paused = false;
        deps.link.resume();
      }
    } catch (error) {
      stopped = true;
      queue = [];
      deps.onFailed(error);
    } finally {
      storing = undefined;
      if (queue.length >= MAX_BATCH) storeNext();
      else if (queue.length > 0) schedule();
    }
  }

  function schedule(): void {
    linger ??= deps.clock.setTimer(storeNext, LINGER_MS);
  }

  return {
    push(packet) {
      if (stopped) return;
      const { topic, dup } = packet;
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      const nowUs = deps.clock.now() * 1_000;
      lastUs = lastUs - nowUs > SET_BACK_US ? nowUs : Math.max(lastUs + 1, nowUs);
      queue.push({ packetId: packet.messageId, dup, topic, payload, receivedUs: lastUs });
      waiting++;
      waitingBytes += payload.length;
      if (!paused && (waiting >= MAX_WAITING || waitingBytes >= MAX_WAITING_BYTES)) {
        paused = true;
        deps.link.pause();
      }
      if (storing) return;
      if (queue.length >= MAX_BATCH) storeNext();
      else schedule();
    },
    waiting: () => waiting,
    async stop() {
      stopped = true;
      linger?.cancel();
      queue = [];
      await storing;
    },
  };
}
