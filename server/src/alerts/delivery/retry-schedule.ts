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
const JITTER = 0.1;
/** The longest wait. */
export const MAX_RETRY_SECONDS = Math.max(...DELAYS_SECONDS) * (1 + JITTER);

/** Seconds until the next attempt, up to a tenth longer at random; undefined after the last one. */
export function retryDelay(attempts: number, random: Random): number | undefined {
  const delay = DELAYS_SECONDS[attempts - 1];
  return delay === undefined ? undefined : delay * (1 + JITTER * random.fraction());
}
