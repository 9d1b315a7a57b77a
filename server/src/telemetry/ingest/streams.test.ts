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
    expect(stream).toMatchObject({ lastN: 4, gaps: [] });
    expect(lost).toBe(0);
    expect(acknowledgedUpTo(stream)).toBe(4);
  });

  test('a number that came before is repeated, however often it comes', () => {
    expect(take([1, 2, 2, 1, 3, 2]).found).toEqual(['new', 'new', 'repeated', 'repeated', 'new', 'repeated']);
  });

  test('a gap is lost until it arrives, and holds up the acknowledgement meanwhile', () => {
    const before = take([1, 2, 6]);
    expect(before.lost).toBe(3);
    expect(acknowledgedUpTo(before.stream)).toBe(2);
    const after = take([4, 3, 5], { from: before.stream });
    expect(after.found).toEqual(['new', 'new', 'new']);
    expect(before.lost + after.lost).toBe(0);
    expect(after.stream).toMatchObject({ lastN: 6, gaps: [] });
  });

  test('numbers that are missing at the start of a boot are lost', () => {
    const { stream, lost } = take([3]);
    expect(lost).toBe(2);
    expect(acknowledgedUpTo(stream)).toBe(0);
  });

  test('what a device numbered before the server knew it does not count as lost, but is waited for', () => {
    const { stream, lost } = take([4, 5], { firstContact: true });
    expect(lost).toBe(0);
    expect(acknowledgedUpTo(stream)).toBe(0);
    const read: Stream = { lastN: stream.lastN, gaps: toGaps(flattenGaps(stream.gaps)) };
    const after = take([1, 2, 3], { from: read });
    expect(after).toMatchObject({ found: ['new', 'new', 'new'], lost: 0 });
    expect(acknowledgedUpTo(after.stream)).toBe(5);
  });

  test('a boot that counts from 0 is whole', () => {
    expect(take([0, 1, 2])).toMatchObject({ stream: { lastN: 2, gaps: [] }, lost: 0 });
  });

  test('of more than 64 gaps the oldest is given up: its numbers count as repeated', () => {
    const odd = Array.from({ length: 66 }, (_, i) => 2 * i + 1);
    const { stream, lost } = take(odd);
    expect(lost).toBe(65);
    expect(stream.gaps).toHaveLength(64);
    expect(take([2, 4], { from: stream }).found).toEqual(['repeated', 'new']);
  });

  test('of more than 64 gaps one that holds nothing up goes first', () => {
    const odd = Array.from({ length: 65 }, (_, i) => 2 * i + 1);
    const { stream } = take(odd);
    const gaps = stream.gaps.map((gap) => (gap.from === 10 ? { ...gap, passes: 3 } : gap));
    const after = take([131], { from: { ...stream, gaps } });
    expect(after.stream.gaps).toHaveLength(64);
    expect(take([10, 2], { from: after.stream }).found).toEqual(['repeated', 'new']);
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
      expect({ stream, lost }).toMatchObject({ stream: { lastN: 40, gaps: [] }, lost: 0 });
    }
  });

  test('gaps survive the way to the database and back', () => {
    const { stream } = take([1, 5, 9]);
    expect(toGaps(flattenGaps(stream.gaps))).toEqual(stream.gaps.map((gap) => ({ ...gap, passedAt: 0 })));
  });
});

describe('a gap that is not filled', () => {
  /** Numbers 1, 2, 5, 6 have arrived; then each of `passes` arrives at its time, in seconds since. */
  function afterPasses(
    passes: readonly (readonly [at: number, numbers: readonly number[]])[],
    from?: Stream,
  ) {
    let stream = from ?? take([1, 2, 5, 6]).stream;
    for (const [at, numbers] of passes) {
      for (const n of numbers) stream = takeNumber(stream, { n }, NOW + at).stream;
    }
    return stream;
  }

  test('holds up the acknowledgement for as long as the device sends other numbers', () => {
    const numbers = Array.from({ length: 500 }, (_, i) => 7 + i);
    expect(acknowledgedUpTo(afterPasses([[86_400, numbers]]))).toBe(2);
  });

  test('is lost for good when the device has sent what it has three times without it', () => {
    const twice = afterPasses([
      [30, [5, 6]],
      [90, [5, 6]],
    ]);
    expect(acknowledgedUpTo(twice)).toBe(2);
    const thrice = afterPasses([[210, [5]]], twice);
    expect(acknowledgedUpTo(thrice)).toBe(6);
    expect(takeNumber(thrice, { n: 3 }, NOW + 9_000)).toMatchObject({ verdict: 'new', lost: -1 });
  });

  test('is lost for good when three passes go over it, as over a record that cannot be read any more', () => {
    const passes = [30, 90, 210].map((at) => [at, [1, 2, 5, 6]] as const);
    expect(acknowledgedUpTo(afterPasses(passes.slice(0, 2)))).toBe(2);
    expect(acknowledgedUpTo(afterPasses(passes))).toBe(6);
  });

  test('is not lost by a pass that has not come to it yet', () => {
    const passes = [30, 90, 210, 450].map((at) => [at, [1, 2]] as const);
    expect(acknowledgedUpTo(afterPasses(passes))).toBe(2);
  });

  test('is not lost by messages that are repeated at once', () => {
    expect(acknowledgedUpTo(afterPasses([[30, [6, 6, 6, 6, 6, 6]]]))).toBe(2);
  });

  test('takes part in no pass that began before a take-over', () => {
    const stream = afterPasses([
      [30, [5, 6]],
      [90, [5]],
    ]);
    const read: Stream = { lastN: stream.lastN, gaps: toGaps(flattenGaps(stream.gaps)) };
    // The rest of the second pass, which has been counted.
    const after = afterPasses([[200, [6]]], read);
    expect(acknowledgedUpTo(after)).toBe(2);
    expect(acknowledgedUpTo(afterPasses([[230, [5]]], after))).toBe(6);
  });

  test('stays lost after a take-over, and its later gaps count for themselves', () => {
    const lost = afterPasses([30, 90, 210].map((at) => [at, [5, 6]] as const));
    const read: Stream = { lastN: lost.lastN, gaps: toGaps(flattenGaps(lost.gaps)) };
    expect(acknowledgedUpTo(read)).toBe(6);
    expect(acknowledgedUpTo(afterPasses([[300, [7, 9]]], read))).toBe(7);
  });

  test('found by an earlier version, which kept its time, counts from the start', () => {
    expect(acknowledgedUpTo({ lastN: 6, gaps: toGaps([3, 4, NOW]) })).toBe(2);
  });

  test('is written when a pass was counted, and not for each number that is repeated', () => {
    let stream: Stream | undefined = take([1, 2, 5, 6]).stream;
    const changed = [5, 6, 5, 6].map((n, index) => {
      const step = takeNumber(stream, { n }, NOW + 30 + index);
      stream = step.stream;
      return step.changed;
    });
    expect(changed).toEqual([true, false, false, false]);
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
