import { describe, expect, test } from 'bun:test';
import { manualClock } from '../../test/clocks.ts';
import { silentLog } from '../../test/logs.ts';
import { createLastSeen } from './last-seen.ts';

const TICK_MS = 5_000;
const START = 1_795_440_000_000;

/** A last-seen collector whose writes the test sees, and lets fail or wait. */
function collector() {
  const clock = manualClock(START);
  const writes: Record<string, number>[] = [];
  let outcome: () => Promise<void> = async () => {};
  const lastSeen = createLastSeen({
    clock,
    log: silentLog(),
    async write(seen) {
      writes.push(Object.fromEntries(seen));
      await outcome();
    },
  });
  lastSeen.start();
  const tick = async () => {
    clock.advance(TICK_MS);
    // What the tick set off runs in micro-tasks.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, writes, lastSeen, tick, behave: (next: () => Promise<void>) => (outcome = next) };
}

describe('last seen', () => {
  test('many notes are one write a tick, each device at its latest time', async () => {
    const { clock, writes, lastSeen, tick } = collector();
    for (let ping = 0; ping < 1_000; ping++) {
      lastSeen.note('a');
      lastSeen.note('b');
      clock.advance(1);
    }
    lastSeen.note('a');
    expect(writes).toEqual([]);
    await tick();
    expect(writes).toEqual([{ a: START + 1_000, b: START + 999 }]);
  });

  test('nothing is written when nothing was seen', async () => {
    const { writes, tick, lastSeen } = collector();
    await tick();
    lastSeen.note('a');
    await tick();
    await tick();
    expect(writes).toHaveLength(1);
  });

  test('a write that failed is made again with what came later, which it does not replace', async () => {
    const { clock, writes, lastSeen, tick, behave } = collector();
    behave(() => Promise.reject(new Error('no database')));
    lastSeen.note('a');
    lastSeen.note('b');
    await tick();
    behave(async () => {});
    lastSeen.note('b');
    lastSeen.note('c');
    const later = clock.now();
    await tick();
    expect(writes[1]).toEqual({ a: START, b: later, c: later });
    await tick();
    expect(writes).toHaveLength(2);
  });

  test('a time noted while its write is under way is kept when that write fails', async () => {
    const { clock, writes, lastSeen, tick, behave } = collector();
    const { promise, reject } = Promise.withResolvers<void>();
    behave(() => promise);
    lastSeen.note('a');
    await tick();
    lastSeen.note('a');
    const later = clock.now();
    reject(new Error('no database'));
    behave(async () => {});
    await tick();
    expect(writes[1]).toEqual({ a: later });
  });

  test('writes do not run side by side while the database is slow', async () => {
    const { writes, lastSeen, tick, behave } = collector();
    const { promise, resolve } = Promise.withResolvers<void>();
    behave(() => promise);
    for (const device of ['a', 'b', 'c']) {
      lastSeen.note(device);
      await tick();
    }
    expect(writes.map(Object.keys)).toEqual([['a']]);
    resolve();
    await lastSeen.close();
    expect(writes.map(Object.keys)).toEqual([['a'], ['b', 'c']]);
  });

  test('closing writes what is left and stops the ticker', async () => {
    const { clock, writes, lastSeen, tick } = collector();
    lastSeen.note('a');
    await lastSeen.close();
    expect(writes).toEqual([{ a: START }]);
    lastSeen.note('a');
    await tick();
    expect(writes).toHaveLength(1);
    expect(clock.pending()).toBe(0);
  });
});
