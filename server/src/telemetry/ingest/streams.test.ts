import { describe, expect, test } from 'bun:test';
import { acknowledgedUpTo, flattenGaps, type Stream, takeNumber, toGaps } from './streams.ts';

const NOW = 1_795_440_000;

/** Takes numbers one after the other; `found` is the verdict of each. */
function take(numbers: readonly number[], options: { firstContact?: boolean; from?: Stream } = {}) {
  let stream = options.from;
  let lost = 0;
  const found = numbers.map((n) => {
    const step = takeNumber(stream, { n }, NOW, options.firstContact);
    stream = step.stream;
    lost += step.lost;
    return step.verdict;
  });
  return { stream: stream ?? { lastN: 0, gaps: [] }, lost, found };
}

describe('the numbers of a boot', () => {
  test('in order they leave no gap and are acknowledged up to the last', () => {
    const { stream, lost } = take([1, 2, 3, 4]);
    expect(stream).toEqual({ lastN: 4, gaps: [] });
    expect(lost).toBe(0);
    expect(acknowledgedUpTo(stream, NOW)).toBe(4);
  });

  test('a number that came before is repeated, however often it comes', () => {
    expect(take([1, 2, 2, 1, 3, 2]).found).toEqual(['new', 'new', 'repeated', 'repeated', 'new', 'repeated']);
  });

  test('a gap is lost until it arrives, and holds up the acknowledgement meanwhile', () => {
    const before = take([1, 2, 6]);
    expect(before.lost).toBe(3);
    expect(acknowledgedUpTo(before.stream, NOW)).toBe(2);
    const after = take([4, 3, 5], { from: before.stream });
    expect(after.found).toEqual(['new', 'new', 'new']);
    expect(before.lost + after.lost).toBe(0);
    expect(after.stream).toEqual({ lastN: 6, gaps: [] });
  });

  test('numbers that are missing at the start of a boot are lost', () => {
    const { stream, lost } = take([3]);
    expect(lost).toBe(2);
    expect(acknowledgedUpTo(stream, NOW)).toBe(0);
  });

  test('what a device numbered before the server knew it is not missing', () => {
    const { stream, lost } = take([5_000], { firstContact: true });
    expect(lost).toBe(0);
    expect(acknowledgedUpTo(stream, NOW)).toBe(5_000);
  });

  test('a boot that counts from 0 is whole', () => {
    expect(take([0, 1, 2])).toMatchObject({ stream: { lastN: 2, gaps: [] }, lost: 0 });
  });

  test('a gap holds up the acknowledgement for 15 minutes, and is taken even after that', () => {
    const { stream } = take([1, 4]);
    expect(acknowledgedUpTo(stream, NOW + 899)).toBe(1);
    expect(acknowledgedUpTo(stream, NOW + 900)).toBe(4);
    expect(takeNumber(stream, { n: 2 }, NOW + 5_000).verdict).toBe('new');
  });

  test('of more than 64 gaps the oldest is given up: its numbers count as repeated', () => {
    const odd = Array.from({ length: 66 }, (_, i) => 2 * i + 1);
    const { stream, lost } = take(odd);
    expect(lost).toBe(65);
    expect(stream.gaps).toHaveLength(64);
    expect(take([2, 4], { from: stream }).found).toEqual(['repeated', 'new']);
  });

  test('any order of any numbers stores each once and ends without a gap', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const numbers = shuffled(
        Array.from({ length: 40 }, (_, i) => i + 1),
        seed,
      );
      const doubled = [...numbers, ...shuffled(numbers, seed + 1_000)];
      const { stream, lost, found } = take(doubled);
      expect(found.filter((verdict) => verdict === 'new')).toHaveLength(40);
      expect({ stream, lost }).toEqual({ stream: { lastN: 40, gaps: [] }, lost: 0 });
    }
  });

  test('gaps survive the way to the database and back', () => {
    const { stream } = take([1, 5, 9]);
    expect(toGaps(flattenGaps(stream.gaps))).toEqual([...stream.gaps]);
  });
});

/** Fisher–Yates with a small linear congruential generator: the same order for the same seed. */
function shuffled(numbers: readonly number[], seed: number): number[] {
  const result = [...numbers];
  let state = seed;
  for (let i = result.length - 1; i > 0; i--) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const j = state % (i + 1);
    [result[i], result[j]] = [result[j] ?? 0, result[i] ?? 0];
  }
  return result;
}
