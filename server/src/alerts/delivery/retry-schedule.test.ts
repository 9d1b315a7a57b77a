import { expect, test } from 'bun:test';
import { retryDelay } from './retry-schedule.ts';

const random = (fraction: number) => ({ fraction: () => fraction, bytes: (n: number) => new Uint8Array(n) });

test('retries come later and later, for about three days', () => {
  const delays: number[] = [];
  for (let attempts = 1; ; attempts++) {
    const delay = retryDelay(attempts, random(0));
    if (delay === undefined) break;
    delays.push(delay);
  }
  expect(delays).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
  const days = delays.reduce((sum, delay) => sum + delay, 0) / 86_400;
  expect(days).toBeGreaterThan(3);
  expect(days).toBeLessThan(3.5);
});

test('messages that failed together do not come back together', () => {
  expect(retryDelay(2, random(0))).toBe(300);
  expect(retryDelay(2, random(0.5))).toBe(315);
});

test('a receiver can ask for a longer wait, not for a shorter one, nor for more than a day', () => {
  expect(retryDelay(1, random(0), 120)).toBe(120);
  expect(retryDelay(1, random(0.5), 120)).toBe(126);
  expect(retryDelay(3, random(0), 120)).toBe(1_800);
  expect(retryDelay(1, random(0), 0)).toBe(5);
  expect(retryDelay(1, random(0), 90_000)).toBe(86_400);
  expect(retryDelay(1, random(0), Number.POSITIVE_INFINITY)).toBe(86_400);
  expect(retryDelay(10, random(0), 120)).toBeUndefined();
});
