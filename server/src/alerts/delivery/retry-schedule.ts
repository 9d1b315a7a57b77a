import type { Random } from '../../platform/random.ts';

const SECOND = 1;
const MINUTE = 60;
const HOUR = 3_600;

/** Between one attempt and the next; about three days in all. */
const DELAYS_SECONDS = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const;
const LONGEST = Math.max(...DELAYS_SECONDS);
const JITTER = 0.1;
/** The longest wait. */
export const MAX_RETRY_SECONDS = LONGEST * (1 + JITTER);

/**
 * Seconds until the next attempt, up to a tenth longer at random; undefined after the last one.
 *
 * @param askedSeconds what the receiver asks for: it lengthens this wait, up to the longest of the schedule, and shortens none.
 */
export function retryDelay(attempts: number, random: Random, askedSeconds = 0): number | undefined {
  const scheduled = DELAYS_SECONDS[attempts - 1];
  if (scheduled === undefined) return undefined;
  return Math.max(scheduled, Math.min(askedSeconds, LONGEST)) * (1 + JITTER * random.fraction());
}
