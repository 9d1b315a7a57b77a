import { type BackoffLimits, backoffDelay } from '../src/platform/backoff.ts';
import type { Random } from '../src/platform/random.ts';
import type { CallFailure } from './device-http.ts';

const HOUR_MS = 3_600_000;
const REVOKED_FIRST_MS = 5 * 60_000;

/** Full jitter between 0 and the step. */
export const BACKOFF: BackoffLimits = { firstMs: 1_000, capMs: 5 * 60_000 };

/** What a device does after a request that failed (docs/protocol.md, section 5). */
export interface Consequence {
  readonly waitMs: number;
  /** The token is no longer good: the next request is made with the device key or role secret. */
  readonly dropToken: boolean;
}

/**
 * @param byToken whether the credential was a token.
 * @param failures how many requests failed in a row before this one.
 */
export function afterFailure(
  { reason, retryAfterMs }: CallFailure,
  byToken: boolean,
  failures: number,
  random: Random,
): Consequence {
  const backoffMs = backoffDelay(failures, BACKOFF, random);
  switch (reason) {
    case 'expired':
    case 'superseded':
    case 'bad_credential':
      if (byToken) return { waitMs: failures === 0 ? 0 : backoffMs, dropToken: true };
      return { waitMs: HOUR_MS, dropToken: false };
    case 'revoked':
      return {
        waitMs: Math.min(HOUR_MS, REVOKED_FIRST_MS * 2 ** Math.min(failures, 30)),
        dropToken: false,
      };
    case 'wrong_role':
    case 'wrong_device':
      return { waitMs: HOUR_MS, dropToken: false };
    case 'pending':
    case 'unknown_device':
    case 'rate_limited':
    case 'unavailable':
      return { waitMs: retryAfterMs ?? backoffMs, dropToken: false };
    default:
      return { waitMs: backoffMs, dropToken: false };
  }
}

/** Before a device that was online reconnects: a random share of the first step, so that a fleet spreads out. */
export function reconnectWaitMs(random: Random): number {
  return backoffDelay(0, BACKOFF, random);
}
