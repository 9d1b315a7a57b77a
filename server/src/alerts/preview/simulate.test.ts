import { describe, expect, test } from 'bun:test';
import type { Threshold } from '../evaluation/threshold.ts';
import { gapsBetween, simulateGaps, simulateThreshold, simulateWindow } from './simulate.ts';

const MINUTE = 60_000;
const condition: Threshold = {
  kind: 'threshold',
  field: 't',
  direction: 'above',
  value: 30,
  forSeconds: 0,
};

/** Values a minute apart. */
function samples(...values: number[]) {
  return values.map((value, at) => ({
    value,
    atUs: (at + 1) * MINUTE * 1_000,
    receivedUs: (at + 1) * MINUTE * 1_000,
  }));
}

describe('a simulated threshold', () => {
  test('fires and clears with the values', () => {
    expect(simulateThreshold(condition, samples(31, 29, 40), 10 * MINUTE)).toEqual([
      { firedMs: MINUTE, resolvedMs: 2 * MINUTE, value: 31 },
      { firedMs: 3 * MINUTE, resolvedMs: undefined, value: 40 },
    ]);
  });

  test('with a duration fires when that has passed, also behind the last value', () => {
    const lasting = { ...condition, forSeconds: 90 };
    expect(simulateThreshold(lasting, samples(31, 29), 10 * MINUTE)).toEqual([]);
    expect(simulateThreshold(lasting, samples(31, 32, 33, 29), 10 * MINUTE)).toEqual([
      { firedMs: 2.5 * MINUTE, resolvedMs: 4 * MINUTE, value: 31 },
    ]);
    expect(simulateThreshold(lasting, samples(31), 2 * MINUTE)).toEqual([]);
    expect(simulateThreshold(lasting, samples(31), 3 * MINUTE)).toEqual([
      { firedMs: 2.5 * MINUTE, resolvedMs: undefined, value: 31 },
    ]);
  });
});

test('gaps that are long enough fire until they end', () => {
  const gaps = gapsBetween([5, 20, 22], 0);
  expect(gaps).toEqual([
    { fromMs: 0, toMs: 5 },
    { fromMs: 5, toMs: 20 },
    { fromMs: 20, toMs: 22 },
    { fromMs: 22, toMs: undefined },
  ]);
  expect(gapsBetween([5, 20], undefined)).toEqual([
    { fromMs: 5, toMs: 20 },
    { fromMs: 20, toMs: undefined },
  ]);
  expect(simulateGaps(gaps, 10, 40)).toEqual([
    { firedMs: 15, resolvedMs: 20, value: 0.01 },
    { firedMs: 32, resolvedMs: undefined, value: 0.01 },
  ]);
});

test('what is counted in a window fires at the limit and clears below half of it', () => {
  const counted = [0, 1, 2, 3, 50].map((atMs) => ({ atMs, count: 1 }));
  expect(simulateWindow(counted, 10, 4, 100)).toEqual([{ firedMs: 3, resolvedMs: 12, value: 4 }]);
  expect(simulateWindow(counted, 10, 5, 100)).toEqual([]);
  expect(simulateWindow([{ atMs: 1, count: 9 }], 10, 4, 5)).toEqual([
    { firedMs: 1, resolvedMs: undefined, value: 9 },
  ]);
});
