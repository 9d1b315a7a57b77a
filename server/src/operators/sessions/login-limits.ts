import type { Context } from 'hono';
import { type StoreFactory, tellLimit } from '../../http/rate-limit.ts';
import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';

/** Whose guesses an attempt counts among. */
export type Guesser =
  /** A browser in which this very account logged in before, or one that is logged in: it has a count of its own. */
  | { readonly browser: string }
  /** Anyone else: counted by network, and by the account that is tried. */
  | { readonly network: string; readonly username: string };

export interface LoginLimits {
  /**
   * Takes a place for one attempt before its password is checked, so that concurrent ones count too. The answer to one that
   * is refused names the limit.
   *
   * @returns what to call when the password was right: it does not count then.
   * @throws AppError `rate_limited`.
   */
  admit(c: Context, guesser: Guesser): Promise<() => Promise<void>>;
}

const WINDOW_MS = 15 * 60_000;
const PER_BROWSER = 10;
const PER_NETWORK = 20;
const PER_ACCOUNT = 50;

/**
 * Limits attempts to guess a password, after "Slow Down Online Guessing Attacks with Device Cookies" (OWASP): strangers
 * can exhaust the count of an account, but not that of a browser its owner has logged in with. All counts restart
 * after 15 minutes, so no account stays closed.
 */
export function createLoginLimits(clock: Clock, stores: StoreFactory): LoginLimits {
  const store = stores('logins', WINDOW_MS);

  async function take(c: Context, key: string, limit: number): Promise<void> {
    const { totalHits, resetTime } = await store.increment(key);
    if (totalHits <= limit) return;
    const waitMs = (resetTime?.getTime() ?? 0) - clock.now();
    const resetSeconds = Math.max(1, Math.ceil(waitMs / 1000));
    tellLimit(c, { limit, windowMs: WINDOW_MS }, resetSeconds);
    throw new AppError('rate_limited', 'Too many attempts.', { retryAfterSeconds: resetSeconds });
  }

  return {
    async admit(c, guesser) {
      const counts: readonly (readonly [key: string, limit: number])[] =
        'browser' in guesser
          ? [[`browser ${guesser.browser}`, PER_BROWSER]]
          : [
              [`network ${guesser.network}`, PER_NETWORK],
              [`account ${guesser.username}`, PER_ACCOUNT],
            ];
      // One after the other: who is refused for the network does not use up the account.
      for (const [key, limit] of counts) await take(c, key, limit);
      return async () => {
        for (const [key] of counts) await store.decrement(key);
      };
    },
  };
}
