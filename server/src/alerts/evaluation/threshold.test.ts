import { describe, expect, test } from 'bun:test';
import { decide } from './decide.ts';
import { slackSeconds, stepMissing } from './missing.ts';
import type { Standing } from './standing.ts';
import { type Sample, stepThreshold, type Threshold } from './threshold.ts';

const SECOND = 1_000_000;
const NOW = 1_800_000_000 * SECOND;
const OK: Standing = { state: 'ok', sinceUs: 0, value: null, dueUs: null };

function threshold(more: Partial<Threshold> = {}): Threshold {
  return { kind: 'threshold', field: 't', direction: 'above', value: 30, forSeconds: 0, ...more };
}

function sample(value: number, atSeconds = 0, receivedSeconds = atSeconds): Sample {
  return { value, atUs: NOW + atSeconds * SECOND, receivedUs: NOW + receivedSeconds * SECOND };
}

/** The states that values lead to, one after the other. */
function states(condition: Threshold, values: readonly number[]): string[] {
  let standing = OK;
  return values.map((value) => {
    standing = stepThreshold(condition, standing, sample(value));
    return standing.state;
  });
}

describe('a threshold', () => {
  test.each([
    ['above', {}, [29, 30, 30.1, 30, 31], 'ok ok firing ok firing'],
    ['above, clears lower', { clear: 28 }, [31, 29, 28.1, 28, 29], 'firing firing firing ok ok'],
    ['below', { direction: 'below' }, [31, 30, 29.9, 30], 'ok ok firing ok'],
    [
      'below, clears higher',
      { direction: 'below', clear: 32 },
      [29, 31, 31.9, 32],
      'firing firing firing ok',
    ],
    ['with a duration', { forSeconds: 60, clear: 20 }, [31, 32, 30, 31], 'pending pending ok pending'],
  ] as const)('%s', (_, more, values, expected) => {
    expect(states(threshold(more), values).join(' ')).toBe(expected);
  });

  test('a duration counts from the measurement, but not from one in the future', () => {
    const condition = threshold({ forSeconds: 60 });
    expect(stepThreshold(condition, OK, sample(31, -20, 0)).dueUs).toBe(NOW + 40 * SECOND);
    expect(stepThreshold(condition, OK, sample(31, 100, 0)).dueUs).toBe(NOW + 60 * SECOND);
  });
});

describe('a batch', () => {
  const rule = (condition: Threshold) => ({ id: 'r', scope: { kind: 'all' as const }, condition });
  const watch = (...samples: Sample[]) => ({
    ruleId: 'r',
    deviceId: 'd',
    rule: rule(threshold()),
    samples,
  });

  test('is taken in order; what is older than a value before it, or than one that is stored, counts for nothing', () => {
    const moved = (samples: Sample[], newestUs?: number) =>
      decide(watch(...samples), undefined, newestUs).map(({ value }) => value);
    expect(moved([sample(31), sample(20, 1), sample(32, 2)])).toEqual([31, 20, 32]);
    expect(moved([sample(20, 1), sample(31, 0, 2)])).toEqual([]);
    expect(moved([sample(31, 0, 2)], NOW + SECOND)).toEqual([]);
    expect(moved([sample(31, 1, 2)], NOW + SECOND)).toEqual([31]);
    expect(moved([sample(31, 0, 300)])).toEqual([31]);
    expect(moved([sample(31, 0, 301)])).toEqual([]);
  });
});

describe('missing data', () => {
  test('is due a little late, so that not every record moves its timer', () => {
    const condition = { kind: 'missing' as const, seconds: 200 };
    expect([30, 200, 86_400].map((seconds) => slackSeconds({ ...condition, seconds }))).toEqual([1, 10, 60]);
    const first = stepMissing(condition, undefined, NOW);
    expect(first).toEqual({ state: 'ok', sinceUs: NOW, value: null, dueUs: NOW + 210 * SECOND });
    expect(stepMissing(condition, first, NOW + 9 * SECOND)).toBe(first);
    expect(stepMissing(condition, first, NOW + 10 * SECOND)).toEqual({ ...first, dueUs: NOW + 220 * SECOND });
  });

  test('never fires early: the timer is at least its time ahead of every receipt', () => {
    const condition = { kind: 'missing' as const, seconds: 30 };
    let standing: Standing | undefined;
    for (let us = NOW; us < NOW + 20 * SECOND; us += SECOND / 7) {
      standing = stepMissing(condition, standing, us);
      expect(standing.dueUs).toBeGreaterThanOrEqual(us + 30 * SECOND);
    }
  });
});
