import { describe, expect, test } from 'bun:test';
import { manualClock } from '../../test/clocks.ts';
import { silentLog } from '../../test/logs.ts';
import { createWriteBehind } from './write-behind.ts';

const TICK_MS = 5_000;
const START = 1_795_440_000_000;

/** A collector of times by device whose writes the test sees, and lets fail or wait. */
function collector(limits: { maxEntries?: number; pieceEntries?: number } = {}) {
  const clock = manualClock(START);
  const writes: Record<string, number>[] = [];
  let outcome: () => Promise<void> = async () => {};
  const entries = createWriteBehind<string, number>({
    name: 'times',
    clock,
    log: silentLog(),
    intervalMs: TICK_MS,
    maxEntries: limits.maxEntries ?? 1_000,
    pieceEntries: limits.pieceEntries ?? 1_000,
    merge: Math.max,
    async write(piece) {
      writes.push(Object.fromEntries(piece));
      await outcome();
    },
  });
  entries.start();
  const add = (device: string) => entries.add(device, clock.now());
  const tick = async () => {
    clock.advance(TICK_MS);
    // What the tick set off runs in micro-tasks.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, writes, entries, add, tick, behave: (next: () => Promise<void>) => (outcome = next) };
}

describe('write-behind', () => {
  test('many entries of a key are one in one write a tick, merged', async () => {
    const { clock, writes, add, tick } = collector();
    for (let ping = 0; ping < 1_000; ping++) {
      add('a');
      add('b');
      clock.advance(1);
    }
    add('a');
    expect(writes).toEqual([]);
    await tick();
    expect(writes).toEqual([{ a: START + 1_000, b: START + 999 }]);
  });

  test('nothing is written when nothing was added', async () => {
    const { writes, tick, add } = collector();
    await tick();
    add('a');
    await tick();
    await tick();
    expect(writes).toHaveLength(1);
  });

  test('a write that failed is made again with what came later, which it does not replace', async () => {
    const { clock, writes, add, tick, behave, entries } = collector();
    behave(() => Promise.reject(new Error('no database')));
    add('a');
    add('b');
    await tick();
    behave(async () => {});
    add('b');
    add('c');
    const later = clock.now();
    await tick();
    expect(writes[1]).toEqual({ a: START, b: later, c: later });
    await tick();
    expect(writes).toHaveLength(2);
    expect(entries.counts()).toEqual({ pending: 0, written: 3, dropped: 0, failedWrites: 1 });
  });

  test('an entry added while its write is under way is kept when that write fails', async () => {
    const { clock, writes, add, tick, behave } = collector();
    const { promise, reject } = Promise.withResolvers<void>();
    behave(() => promise);
    add('a');
    await tick();
    add('a');
    const later = clock.now();
    reject(new Error('no database'));
    behave(async () => {});
    await tick();
    expect(writes[1]).toEqual({ a: later });
  });

  test('writes do not run side by side while the database is slow', async () => {
    const { writes, add, entries, tick, behave } = collector();
    const { promise, resolve } = Promise.withResolvers<void>();
    behave(() => promise);
    for (const device of ['a', 'b', 'c']) {
      add(device);
      await tick();
    }
    expect(writes.map(Object.keys)).toEqual([['a']]);
    resolve();
    await entries.close();
    expect(writes.map(Object.keys)).toEqual([['a'], ['b', 'c']]);
  });

  test('many entries are written in pieces, and a failed piece keeps all that is left', async () => {
    const { writes, add, tick, behave, entries } = collector({ pieceEntries: 2 });
    for (const device of ['a', 'b', 'c', 'd', 'e']) add(device);
    await tick();
    expect(writes.map(Object.keys)).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    for (const device of ['f', 'g', 'h']) add(device);
    behave(() => Promise.reject(new Error('no database')));
    await tick();
    expect(entries.counts()).toMatchObject({ pending: 3, written: 5 });
    behave(async () => {});
    await tick();
    expect(writes.slice(-2).map(Object.keys)).toEqual([['f', 'g'], ['h']]);
  });

  test('entries beyond the limit are dropped and counted; known keys are still merged', async () => {
    const { clock, writes, add, tick, entries } = collector({ maxEntries: 2 });
    for (const device of ['a', 'b', 'c']) add(device);
    clock.advance(1);
    add('a');
    await tick();
    expect(writes).toEqual([{ a: START + 1, b: START }]);
    expect(entries.counts()).toMatchObject({ dropped: 1 });
  });

  test('closing writes what is left and stops the ticker', async () => {
    const { clock, writes, add, entries, tick } = collector();
    add('a');
    await entries.close();
    expect(writes).toEqual([{ a: START }]);
    add('a');
    await tick();
    expect(writes).toHaveLength(1);
    expect(clock.pending()).toBe(0);
  });
});
