import { describe, expect, test } from 'bun:test';
import { type Reading, rateOf, withReading } from './rate.ts';

function read(...readings: readonly Reading[]): Reading[] {
  return readings.reduce<Reading[]>(withReading, []);
}

describe('the rate of a total', () => {
  test('is its growth over the last minute', () => {
    expect(rateOf(read({ at: 0, total: 100 }, { at: 10_000, total: 150 }))).toBe(5);
    const long = read({ at: 0, total: 0 }, { at: 50_000, total: 1_000 }, { at: 100_000, total: 1_100 });
    expect(rateOf(long)).toBe(2);
  });

  test('is unknown until enough time has passed', () => {
    expect(rateOf([])).toBeUndefined();
    expect(rateOf(read({ at: 0, total: 100 }, { at: 3_000, total: 150 }))).toBeUndefined();
  });

  test('begins again when the total falls', () => {
    const fallen = read({ at: 0, total: 500 }, { at: 10_000, total: 600 }, { at: 20_000, total: 30 });
    expect(rateOf(fallen)).toBeUndefined();
    expect(rateOf(withReading(fallen, { at: 30_000, total: 50 }))).toBe(2);
  });
});
