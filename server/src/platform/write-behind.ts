import type { Clock, Timer } from './clock.ts';
import type { Logger } from './logger.ts';

export interface WriteBehindOptions<K, V> {
  /** Names what is written in log lines, such as `last-seen times`. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly intervalMs: number;
  /** Entries held in memory; a new key beyond them is dropped and counted. */
  readonly maxEntries: number;
  /** Entries of one call of `write`. */
  readonly pieceEntries: number;
  /** What stands for a key that already waits to be written. */
  readonly merge: (earlier: V, later: V) => V;
  readonly write: (entries: ReadonlyMap<K, V>) => Promise<void>;
}

export interface WriteBehindCounts {
  readonly pending: number;
  readonly written: number;
  /** Entries left out because memory for them is limited. */
  readonly dropped: number;
  readonly failedWrites: number;
}

/** Collects entries by key and writes them together, later. */
export interface WriteBehind<K, V> {
  start(): void;
  /** Cheap: the entry is written later, with others. */
  add(key: K, value: V): void;
  counts(): WriteBehindCounts;
  /** Writes what is pending and stops. */
  close(): Promise<void>;
}

/**
 * Merges entries of one key and writes all of them every `intervalMs`, in pieces, one write at a time. What could not be
 * written waits for the next interval; an entry that arrived meanwhile is merged into it.
 */
export function createWriteBehind<K, V>(options: WriteBehindOptions<K, V>): WriteBehind<K, V> {
  const { clock, log, merge } = options;
  let pending = new Map<K, V>();
  let writing: Promise<void> = Promise.resolve();
  let ticker: Timer | undefined;
  let written = 0;
  let dropped = 0;
  let failedWrites = 0;

  async function flush(): Promise<void> {
    while (pending.size > 0) {
      const piece = takePiece();
      try {
        await options.write(piece);
        written += piece.size;
      } catch (error) {
        failedWrites++;
        putBack(piece);
        log.warn({ err: error, entries: pending.size }, `${options.name} wait for the database`);
        return;
      }
    }
  }

  function takePiece(): ReadonlyMap<K, V> {
    if (pending.size <= options.pieceEntries) {
      const all = pending;
      pending = new Map();
      return all;
    }
    const piece = new Map(pending.entries().take(options.pieceEntries));
    for (const key of piece.keys()) pending.delete(key);
    return piece;
  }

  function putBack(piece: ReadonlyMap<K, V>): void {
    const newer = pending;
    pending = new Map(piece);
    for (const [key, value] of newer) add(key, value);
  }

  function add(key: K, value: V): void {
    const earlier = pending.get(key);
    if (earlier !== undefined) pending.set(key, merge(earlier, value));
    else if (pending.size < options.maxEntries) pending.set(key, value);
    else dropped++;
  }

  function tick(): void {
    writing = writing.then(flush);
  }

  return {
    add,
    start() {
      ticker ??= clock.setTicker(tick, options.intervalMs);
    },
    counts: () => ({ pending: pending.size, written, dropped, failedWrites }),
    async close() {
      ticker?.cancel();
      tick();
      await writing;
    },
  };
}
