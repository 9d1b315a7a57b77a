import { expect, test } from 'bun:test';
import { cachedReading } from './cached-reading.ts';
import { systemClock } from './clock.ts';

test('a reading is shared for its time and no longer, and one that failed is not kept', async () => {
  let now = 0;
  let readings = 0;
  let fails = false;
  const read = cachedReading({ ...systemClock, monotonic: () => now }, 5_000, async () => {
    readings++;
    if (fails) throw new Error('not reachable');
    return readings;
  });
  expect(await Promise.all([read(), read()])).toEqual([1, 1]);
  now = 4_999;
  expect(await read()).toBe(1);
  now = 5_000;
  fails = true;
  expect(await read().catch(() => 'failed')).toBe('failed');
  fails = false;
  expect(await read()).toBe(3);
});
