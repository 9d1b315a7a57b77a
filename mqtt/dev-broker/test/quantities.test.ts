import { describe, expect, test } from 'bun:test';
import { moved } from '../src/api/order.ts';
import { parseBytes, parseDurationMs } from '../src/quantities.ts';
import { MessageQueue } from '../src/sessions/message-queue.ts';

describe('quantities', () => {
  test.each([
    ['16KB', 16_384],
    ['1MB', 1_048_576],
    ['12', 12],
    ['1 KB', null],
    ['x', null],
    ['1TB', null],
  ] as const)('%s is %p bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each([
    ['1m', 60_000],
    ['5000ms', 5000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['infinity', Number.POSITIVE_INFINITY],
    ['soon', null],
  ] as const)('%s is %p ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });
});

describe('moved', () => {
  test.each([
    ['front', ['c', 'a', 'b']],
    ['rear', ['a', 'b', 'c']],
    ['middle', null],
  ] as const)('%s', (position, expected) => {
    expect(moved(['a', 'b', 'c'], 'c', position)).toEqual(expected === null ? null : [...expected]);
  });
});

describe('MessageQueue', () => {
  test('keeps the newest up to its limit, in their order', () => {
    const queue = new MessageQueue<number>(3);
    expect([1, 2, 3, 4, 5].map((item) => queue.push(item))).toEqual([false, false, false, true, true]);
    expect(queue.shift()).toBe(3);
    expect(queue.drain()).toEqual([4, 5]);
    expect(queue.shift()).toBeUndefined();
  });

  test('stays in order over many turns', () => {
    const queue = new MessageQueue<number>(5000);
    let next = 0;
    let expected = 0;
    for (let turn = 0; turn < 50; turn++) {
      for (let i = 0; i < 200; i++) queue.push(next++);
      for (let i = 0; i < 180; i++) expect(queue.shift()).toBe(expected++);
    }
    expect(queue.length).toBe(1000);
  });
});
