import type { Clock, Timer } from '../src/index.ts';

interface PendingTimer {
  dueMs: number;
  callback: () => void;
}

/** A clock that stands still until it is advanced; timers that come due meanwhile fire in their order. */
export class ManualClock implements Clock {
  private readonly timers = new Set<PendingTimer>();
  private nowMs: number;

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  now(): number {
    return this.nowMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { dueMs: this.nowMs + delayMs, callback };
    this.timers.add(timer);
    return { cancel: () => this.timers.delete(timer) };
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const next = [...this.timers].filter((timer) => timer.dueMs <= endMs).sort(byDueTime)[0];
      if (!next) break;
      this.timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.callback();
    }
    this.nowMs = endMs;
  }
}

function byDueTime(a: PendingTimer, b: PendingTimer): number {
  return a.dueMs - b.dueMs;
}
