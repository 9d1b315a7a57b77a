import { describe, expect, test } from 'bun:test';
import { backoffDelay, spread } from './backoff.ts';
import type { Random } from './random.ts';

const ALMOST_ONE = 1 - 2 ** -53;
const LIMITS = { firstMs: 250, capMs: 4_000 };

function fixed(fraction: number): Random {
  return { fraction: () => fraction, bytes: (length) => new Uint8Array(length) };
}

describe('backoffDelay', () => {
  test.each([
    [0, 250],
    [1, 500],
    [2, 1_000],
    [3, 2_000],
    [4, 4_000],
    [5, 4_000],
    [1_000, 4_000],
    [Number.MAX_SAFE_INTEGER, 4_000],
  ])('attempt %i waits between nothing and %i ms', (attempt, ceilingMs) => {
    expect(backoffDelay(attempt, LIMITS, fixed(0))).toBe(0);
    expect(backoffDelay(attempt, LIMITS, fixed(0.5))).toBe(ceilingMs / 2);
    expect(backoffDelay(attempt, LIMITS, fixed(ALMOST_ONE))).toBe(ceilingMs);
  });
});

describe('spread', () => {
  test.each([1, 10, 60, 300, 3_600])(
    '%i s become at least as much and at most half as much again',
    (seconds) => {
      expect(spread(seconds, fixed(0))).toBe(seconds);
      expect(spread(seconds, fixed(ALMOST_ONE))).toBe(Math.ceil(seconds * 1.5));
      expect(spread(seconds, fixed(0.3))).toBeInteger();
    },
  );
});
