import { expect, test } from 'bun:test';
import { manualClock } from '../../../test/clocks.ts';
import type { Queryable } from './client.ts';
import { createDatabaseClock } from './database-clock.ts';

const HOUR_MS = 3_600_000;
/** The clock hands it to what reads the time, and does nothing else with it. */
const db = {} as Queryable;

function rig(aheadMs: number) {
  const local = manualClock();
  let offsetMs = -aheadMs;
  let reachable = true;
  let readings = 0;
  const clock = createDatabaseClock(local, async () => {
    readings++;
    if (!reachable) throw new Error('unreachable');
    return local.startedAt + local.monotonic() + offsetMs;
  });
  return {
    local,
    clock,
    readings: () => readings,
    truth: () => local.startedAt + local.monotonic() + offsetMs,
    stepDatabase: (ms: number) => {
      offsetMs += ms;
    },
    setReachable: (value: boolean) => {
      reachable = value;
    },
  };
}

test('an instance whose clock is an hour ahead goes by the time of the database', async () => {
  const { clock, local, truth } = rig(HOUR_MS);
  expect(clock.now()).toBe(local.now());
  await clock.start(db);
  expect(clock.now()).toBe(truth());
  local.advance(5_000);
  expect(clock.now()).toBe(truth());
  clock.close();
});

test('a step of the instance clock, back or ahead, is not seen', async () => {
  const { clock, local, truth } = rig(0);
  await clock.start(db);
  for (const ms of [-HOUR_MS, 2 * HOUR_MS]) {
    local.step(ms);
    expect(clock.now()).toBe(truth());
  }
  clock.close();
});

test('a step of the database clock heals within a minute; without an answer the time runs on', async () => {
  const { clock, local, truth, stepDatabase, setReachable, readings } = rig(0);
  await clock.start(db);
  setReachable(false);
  stepDatabase(HOUR_MS);
  local.advance(60_000);
  expect(readings()).toBe(2);
  await Promise.resolve();
  expect(clock.now()).toBe(truth() - HOUR_MS);
  setReachable(true);
  local.advance(60_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(clock.now()).toBe(truth());
  clock.close();
  expect(local.pending()).toBe(0);
});
