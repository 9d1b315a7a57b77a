import { describe, expect, test } from 'bun:test';
import { bucketsIn, chooseInterval, madeOfHours, offsetMinutes } from './interval.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 23);

describe('chooseInterval', () => {
  test.each([
    [HOUR, 500, '10s'],
    [DAY, 500, '5m'],
    [7 * DAY, 500, '30m'],
    [30 * DAY, 500, '2h'],
    [365 * DAY, 500, '1d'],
    [5 * 365 * DAY, 300, '7d'],
    [DAY, 1, '364d'],
  ] as const)('%i ms in at most %i buckets', (length, maxBuckets, expected) => {
    const interval = chooseInterval({ fromMs: NOW - length, toMs: NOW, maxBuckets, recordsSinceMs: 0 });
    expect(interval).toBe(expected);
  });

  test('stays within the limit for any range', () => {
    for (let length = 1_000; length < 20 * 365 * DAY; length = Math.floor(length * 1.7)) {
      const interval = chooseInterval({
        fromMs: NOW - length,
        toMs: NOW,
        maxBuckets: 100,
        recordsSinceMs: 0,
      });
      expect(bucketsIn(interval, NOW - length, NOW)).toBeLessThanOrEqual(100);
    }
  });

  test('is at least an hour where records are no longer kept', () => {
    const choice = {
      fromMs: NOW - 100 * DAY,
      toMs: NOW - 100 * DAY + HOUR,
      maxBuckets: 500,
      recordsSinceMs: NOW - 90 * DAY,
    };
    expect(chooseInterval(choice)).toBe('1h');
  });
});

describe('madeOfHours', () => {
  test.each([
    ['1h', 'Europe/Berlin', true],
    ['30m', 'Europe/Berlin', false],
    ['1d', 'Asia/Kolkata', false],
    ['1d', 'America/St_Johns', false],
    ['1d', 'UTC', true],
  ] as const)('%s in %s: %p', (interval, zone, expected) => {
    expect(madeOfHours(interval, zone, { fromMs: NOW, recordsSinceMs: NOW - DAY })).toBe(expected);
  });

  test('in any zone where there are only hours left', () => {
    expect(madeOfHours('1d', 'Asia/Kolkata', { fromMs: NOW, recordsSinceMs: NOW + 1 })).toBe(true);
  });
});

test.each([
  ['UTC', NOW, 0],
  ['Europe/Berlin', NOW, 60],
  ['Europe/Berlin', Date.UTC(2026, 6, 1), 120],
  ['America/St_Johns', NOW, -210],
  ['Asia/Kolkata', NOW, 330],
])('%s at %i is %i minutes ahead', (zone, at, expected) => {
  expect(offsetMinutes(zone, at)).toBe(expected);
});
