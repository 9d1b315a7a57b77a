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
  resetTime: Date;
}

/** Counters in this process, in fixed windows of the injected clock. Keys not seen for two windows are forgotten. */
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
  let rotateAt = clock.now() + windowMs;

  function find(key: string): Window | undefined {
    const now = clock.now();
    if (now >= rotateAt) {
      previous = now >= rotateAt + windowMs ? new Map() : current;
      current = new Map();
      rotateAt = now + windowMs;
    }
    const window = current.get(key) ?? previous.get(key);
    return window && window.resetTime.getTime() > now ? window : undefined;
  }

  return {
    get: find,
    increment(key) {
      const window = find(key) ?? { totalHits: 0, resetTime: new Date(clock.now() + windowMs) };
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

interface LimitOptions<E extends AppEnv> {
  readonly clock: Clock;
  readonly stores: StoreFactory;
  /** Limits of one name count together. */
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly key: (c: Context<E>) => string;
}

/** Lets `limit` requests of one key through in a window; the others fail with `rate_limited`. */
export function limitRequests<E extends AppEnv>(options: LimitOptions<E>): MiddlewareHandler<E> {
  return limiter(options, options.stores(options.name, options.windowMs));
}

interface FailureLimitOptions<E extends AppEnv> extends LimitOptions<E> {
  /** Whether a finished request counts. */
  readonly failed: (c: Context<E>) => boolean;
}

/**
 * Lets a key through until `limit` of its requests have failed in a window. What succeeds is never counted, not even
 * while it runs, so that many good requests at once behind one address do not exhaust it.
 */
export function limitFailures<E extends AppEnv>(options: FailureLimitOptions<E>): MiddlewareHandler<E> {
  const store = options.stores(options.name, options.windowMs);
  const refuse = limiter(options, store);
  return async (c, next) => {
    const key = options.key(c);
    const window = await store.get?.(key);
    if (window && window.totalHits >= options.limit) return refuse(c, next);
    await next();
    if (options.failed(c)) await store.increment(key);
  };
}

function limiter<E extends AppEnv>(options: LimitOptions<E>, store: Counters): MiddlewareHandler<E> {
  return rateLimiter<E>({
    windowMs: options.windowMs,
    limit: options.limit,
    keyGenerator: options.key,
    store,
    // Only a refusal says what the limit is: firmware has no use for it otherwise, and every header takes its time.
    standardHeaders: false,
    handler(c) {
      const { resetTime } = (c.get('rateLimit' as never) ?? {}) as { resetTime?: Date };
      const resetMs = (resetTime?.getTime() ?? 0) - options.clock.now();
      const resetSeconds = Math.max(1, Math.ceil(resetMs / 1000));
      c.header('RateLimit-Policy', `${options.limit};w=${Math.ceil(options.windowMs / 1000)}`);
      c.header('RateLimit-Limit', String(options.limit));
      c.header('RateLimit-Remaining', '0');
      c.header('RateLimit-Reset', String(resetSeconds));
      throw new AppError('rate_limited', 'Too many requests.', { retryAfterSeconds: resetSeconds });
    },
  });
}
