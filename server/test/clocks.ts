import { type Clock, systemClock } from '../src/platform/clock.ts';

/** A clock that stands still until the test moves it. Timers fire while it is moved, in order. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
  /** Sets the wall clock ahead, or back, without time passing. */
  step(ms: number): void;
  readonly startedAt: number;
  /** Timers and tickers that have not fired or been cancelled. */
  pending(): number;
}

export function manualClock(startMs = 1_795_440_000_000): ManualClock {
  let now = startMs;
  let steppedMs = 0;
  const timers = new Set<{ at: number; callback: () => void; everyMs?: number }>();
  function add(callback: () => void, delayMs: number, everyMs?: number) {
    const timer = { at: now + delayMs, callback, ...(everyMs === undefined ? {} : { everyMs }) };
    timers.add(timer);
    return { cancel: () => void timers.delete(timer) };
  }
  return {
    now: () => now + steppedMs,
    monotonic: () => now - startMs,
    startedAt: startMs,
    step(ms) {
      steppedMs += ms;
    },
    pending: () => timers.size,
    setTimer: (callback, delayMs) => add(callback, delayMs),
    setTicker: (callback, intervalMs) => add(callback, intervalMs, intervalMs),
    advance(ms) {
      const target = now + ms;
      for (;;) {
        const next = [...timers].filter(({ at }) => at <= target).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        now = Math.max(now, next.at);
        if (next.everyMs === undefined) timers.delete(next);
        else next.at += next.everyMs;
        next.callback();
      }
      now = target;
    },
  };
}

/** A clock that runs, and that the test can move forward as well. */
export function shiftedClock(): Clock & { shift(ms: number): void } {
  let offsetMs = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + offsetMs,
    monotonic: () => systemClock.monotonic() + offsetMs,
    shift(ms) {
      offsetMs += ms;
    },
  };
}

/** A clock that stands still until the test moves it, while its timers run by the machine's: days pass at once. */
export function standingClock(startMs = 1_795_440_000_000): Clock & { shift(ms: number): void } {
  let now = startMs;
  return {
    ...systemClock,
    now: () => now,
    monotonic: () => now,
    shift(ms) {
      now += ms;
    },
  };
}

/** The machine's clock, but what happens every now and then happens ten times as often. */
export function hastyClock(): Clock {
  return {
    ...systemClock,
    setTicker: (callback, intervalMs) => systemClock.setTicker(callback, Math.max(20, intervalMs / 10)),
  };
}
