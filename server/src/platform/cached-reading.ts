import type { Clock } from './clock.ts';
import { withDeadline } from './deadline.ts';

/** A scrape does not wait longer for a database that hangs. */
const READ_LIMIT_MS = 2_000;

/**
 * Reads something at most every `keptMs`, whoever asks and how often; those who ask meanwhile share one reading. A reading
 * that failed is not kept.
 */
export function cachedReading<T>(clock: Clock, keptMs: number, read: () => PromiseLike<T>): () => Promise<T> {
  let kept: { readonly at: number; readonly reading: Promise<T> } | undefined;
  return () => {
    if (kept && clock.monotonic() - kept.at < keptMs) return kept.reading;
    const reading = withDeadline(clock, READ_LIMIT_MS, Promise.resolve(read()), 'the database');
    const mine = { at: clock.monotonic(), reading };
    kept = mine;
    reading.catch(() => {
      if (kept === mine) kept = undefined;
    });
    return reading;
  };
}
