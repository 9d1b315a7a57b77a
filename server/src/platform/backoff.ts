import type { Random } from './random.ts';

/** Limits of an exponential backoff, in milliseconds. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly capMs: number;
}

/**
 * The delay before attempt `attempt` (0 is the first retry), in milliseconds: capped exponential with full jitter,
 * as in "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015).
 */
export function backoffDelay(attempt: number, limits: BackoffLimits, random: Random): number {
  const ceiling = Math.min(limits.capMs, limits.firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(random.fraction() * ceiling);
}

/** `seconds` plus up to half of it at random, so that clients refused together do not come back together. */
export function spread(seconds: number, random: Random): number {
  return Math.ceil(seconds + random.fraction() * seconds * 0.5);
}
