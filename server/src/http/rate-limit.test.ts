import { describe, expect, test } from 'bun:test';
import { type Context, Hono } from 'hono';
import { manualClock } from '../../test/clocks.ts';
import { AppError } from '../platform/errors.ts';
import type { AppEnv } from './device-answer.ts';
import { limitFailures, limitRequests, memoryStores } from './rate-limit.ts';

const WINDOW_MS = 60_000;

function store(clock = manualClock()) {
  return { clock, counters: memoryStores(clock)('test', WINDOW_MS) };
}

async function hits(counters: ReturnType<typeof store>['counters'], key: string): Promise<number> {
  return (await counters.increment(key)).totalHits;
}

describe('memoryStores', () => {
  test('counts each key by itself', async () => {
    const { counters } = store();
    expect([await hits(counters, 'a'), await hits(counters, 'a'), await hits(counters, 'b')]).toEqual([
      1, 2, 1,
    ]);
  });

  test('resets when the window of a key has passed, and not before', async () => {
    const { clock, counters } = store();
    clock.advance(WINDOW_MS / 2);
    const { resetTime } = await counters.increment('a');
    expect(resetTime?.getTime()).toBe(clock.now() + WINDOW_MS);
    clock.advance(WINDOW_MS - 1);
    expect(await hits(counters, 'a')).toBe(2);
    clock.advance(1);
    expect(await hits(counters, 'a')).toBe(1);
  });

  test('a wall clock that goes back, or ahead, changes no window', async () => {
    const { clock, counters } = store();
    await counters.increment('a');
    clock.step(-3_600_000);
    clock.advance(WINDOW_MS - 1);
    const { totalHits, resetTime } = await counters.increment('a');
    expect(totalHits).toBe(2);
    expect(resetTime?.getTime()).toBe(clock.now() + 1);
    clock.advance(1);
    expect(await hits(counters, 'a')).toBe(1);
    clock.step(2 * 3_600_000);
    expect(await hits(counters, 'a')).toBe(2);
  });

  test('repeated hits do not extend the window of a key', async () => {
    const { clock, counters } = store();
    const counts: number[] = [];
    for (let step = 0; step < 12; step++) {
      counts.push(await hits(counters, 'a'));
      clock.advance(WINDOW_MS / 4);
    }
    expect(counts).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
  });

  test('decrements hits, never below zero', async () => {
    const { counters } = store();
    await counters.increment('a');
    await counters.decrement('a');
    await counters.decrement('a');
    await counters.decrement('unknown');
    expect(await hits(counters, 'a')).toBe(1);
    await counters.resetKey('a');
    expect(await counters.get?.('a')).toBeUndefined();
  });

  test('forgets keys that were not seen for two windows', async () => {
    const { clock, counters } = store();
    const windows: WeakRef<object>[] = [];
    for (let key = 0; key < 2_000; key++) windows.push(new WeakRef(await counters.increment(`key-${key}`)));
    clock.advance(2 * WINDOW_MS);
    await counters.increment('other');
    // A WeakRef holds on until the job that made it ends.
    await new Promise((resolve) => setImmediate(resolve));
    Bun.gc(true);
    // The collector looks at the stack conservatively, so a few may stay.
    expect(windows.filter((window) => window.deref() !== undefined).length).toBeLessThan(200);
  });
});

describe('limits', () => {
  function appWith(limit: number) {
    const clock = manualClock();
    const options = {
      clock,
      stores: memoryStores(clock),
      name: 'test',
      limit,
      windowMs: WINDOW_MS,
      key: () => 'everyone',
    };
    const app = new Hono<AppEnv>();
    app.onError((error, c) => {
      if (!(error instanceof AppError) || error.code !== 'rate_limited') throw error;
      return c.text(String(error.retryAfterSeconds), 429);
    });
    app.get('/counted', limitRequests(options), (c) => c.text('ok'));
    const countFailure = limitFailures({ ...options, name: 'failures' });
    app.get('/failures', async (c) => {
      if (!c.req.query('bad')) return c.text('');
      await countFailure(c);
      return c.text('', 401);
    });
    const known = async (c: Context) => c.req.query('known') !== undefined;
    app.get('/apart', limitRequests({ ...options, name: 'apart', countsApart: known }), (c) => c.text('ok'));
    const status = async (path: string) => (await app.request(path)).status;
    return { app, clock, status };
  }

  test('limitRequests admits up to the limit and answers Retry-After', async () => {
    const { app, clock, status } = appWith(2);
    expect([await status('/counted'), await status('/counted')]).toEqual([200, 200]);
    clock.advance(10_500);
    const refused = await app.request('/counted');
    expect([refused.status, await refused.text()]).toEqual([429, '50']);
    expect(refused.headers.get('ratelimit-limit')).toBe('2');
    expect(refused.headers.get('ratelimit-remaining')).toBe('0');
    clock.advance(49_500);
    expect(await status('/counted')).toBe(200);
  });

  test('limitRequests counts some apart once the others have used up the limit', async () => {
    const { clock, status } = appWith(2);
    for (const expected of [200, 200, 429, 429]) expect(await status('/apart')).toBe(expected);
    for (const expected of [200, 200, 429]) expect(await status('/apart?known=1')).toBe(expected);
    clock.advance(WINDOW_MS);
    expect(await status('/apart')).toBe(200);
  });

  test('limitFailures refuses failures above the limit, and nothing else, until the window has passed', async () => {
    const { clock, status } = appWith(2);
    for (const expected of [401, 401, 429, 429]) expect(await status('/failures?bad=1')).toBe(expected);
    for (let again = 0; again < 5; again++) expect(await status('/failures')).toBe(200);
    clock.advance(WINDOW_MS - 1);
    expect(await status('/failures?bad=1')).toBe(429);
    clock.advance(1);
    expect(await status('/failures?bad=1')).toBe(401);
  });
});
