import type { Context, MiddlewareHandler } from 'hono';
import { rateLimiter, type Store } from 'hono-rate-limiter';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { AppEnv } from './device-answer.ts';

/**
 * Makes the counters of one limit; those of the same name are shared, so `name` belongs into the keys of a store that
 * several limits use. Hand in one that shares them between processes to make limits hold across instances.
 */
export type StoreFactory = (name: string, windowMs: number) => Counters;

/** What hono-rate-limiter asks of a store, for routes of any environment. */
type Counters = Pick<Store, 'get' | 'increment' | 'decrement' | 'resetKey'>;

interface Window {
  totalHits: number;
  /** Monotonic milliseconds: a window ends when its time has passed, whatever the wall clock says meanwhile. */
  readonly endsAt: number;
  readonly resetTime: Date;
}

/** Counters in this process, in fixed windows of monotonic time. Keys not seen for two windows are forgotten. */
export function memoryStores(clock: Clock): StoreFactory {
  const byName = new Map<string, Counters>();
  return (name, windowMs) => {
    const counters = byName.get(name) ?? memoryCounters(clock, windowMs);
    byName.set(name, counters);
    return counters;
  };
}

function memoryCounters(clock: Clock, windowMs: number): Counters {
  let current = new Map<string, Window>();
  let previous = new Map<string, Window>();
  let rotateAt = clock.monotonic() + windowMs;

  function openWindow(): Window {
    const endsAt = clock.monotonic() + windowMs;
    return {
      totalHits: 0,
      endsAt,
      get resetTime() {
        return new Date(clock.now() + endsAt - clock.monotonic());
      },
    };
  }

  function find(key: string): Window | undefined {
    const now = clock.monotonic();
    if (now >= rotateAt) {
      previous = now >= rotateAt + windowMs ? new Map() : current;
      current = new Map();
      rotateAt = now + windowMs;
    }
    const window = current.get(key) ?? previous.get(key);
    return window && window.endsAt > now ? window : undefined;
  }

  return {
    get: find,
    increment(key) {
      const window = find(key) ?? openWindow();
      window.totalHits++;
      current.set(key, window);
      return window;
    },
    decrement(key) {
      const window = find(key);
      if (window && window.totalHits > 0) window.totalHits--;
    },
    resetKey(key) {
      current.delete(key);
      previous.delete(key);
    },
  };
}

/** How many times something is let through in a window. */
export interface Limit {
  readonly limit: number;
  readonly windowMs: number;
}

interface LimitOptions<E extends AppEnv> extends Limit {
  readonly clock: Clock;
  readonly stores: StoreFactory;
  /** Limits of one name count together. */
  readonly name: string;
  readonly key: (c: Context<E>) => string;
}

/** Lets `limit` requests of one key through in a window; the others fail with `rate_limited`. */
export function limitRequests<E extends AppEnv>(
  options: LimitOptions<E> & {
    /** What is asked for a request above the limit: whether it counts by itself, under a limit of the same size. */
    readonly countsApart?: (c: Context<E>) => Promise<boolean>;
  },
): MiddlewareHandler<E> {
  const { countsApart } = options;
  const apart = countsApart && limitRequests<E>({ ...withoutApart(options), name: `${options.name}, apart` });
  return rateLimiter<E>({
    windowMs: options.windowMs,
    limit: options.limit,
    keyGenerator: options.key,
    store: options.stores(options.name, options.windowMs),
    // Only a refusal says what the limit is: firmware has no use for it otherwise, and every header takes its time.
    standardHeaders: false,
    async handler(c, next) {
      if (apart && (await countsApart(c))) return await apart(c, next);
      const { resetTime } = (c.get('rateLimit' as never) ?? {}) as { resetTime?: Date };
      throw refusal(c, options, resetTime);
    },
  });
}

/**
 * Counts failures by key. Call it for each: up to `limit` in a window pass, the others fail with `rate_limited` instead of
 * what they would have failed with. What succeeds is neither counted nor refused.
 */
export function limitFailures<E extends AppEnv>(options: LimitOptions<E>): (c: Context<E>) => Promise<void> {
  const store = options.stores(options.name, options.windowMs);
  return async (c) => {
    const { totalHits, resetTime } = await store.increment(options.key(c));
    if (totalHits > options.limit) throw refusal(c, options, resetTime);
  };
}

function withoutApart<E extends AppEnv>({ clock, stores, name, limit, windowMs, key }: LimitOptions<E>) {
  return { clock, stores, name, limit, windowMs, key };
}

function refusal<E extends AppEnv>(
  c: Context<E>,
  { clock, limit, windowMs }: LimitOptions<E>,
  resetTime: Date | undefined,
): AppError {
  const resetMs = (resetTime?.getTime() ?? 0) - clock.now();
  const resetSeconds = Math.max(1, Math.ceil(resetMs / 1000));
  tellLimit(c, { limit, windowMs }, resetSeconds);
  return new AppError('rate_limited', 'Too many requests.', { retryAfterSeconds: resetSeconds });
}

/** Names a limit that is used up, whoever counts by it, in the answer to the request that it refuses. */
export function tellLimit(c: Context, { limit, windowMs }: Limit, resetSeconds: number): void {
  c.header('RateLimit-Policy', `${limit};w=${Math.ceil(windowMs / 1000)}`);
  c.header('RateLimit-Limit', String(limit));
  c.header('RateLimit-Remaining', '0');
  c.header('RateLimit-Reset', String(resetSeconds));
}
