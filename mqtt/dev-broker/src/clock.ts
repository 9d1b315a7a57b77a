/** A pending callback. */
export interface Timer {
  cancel(): void;
}

/** Where the broker takes its time from: token expiry, rule cache, bans and session expiry follow it. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Calls back once, `delayMs` from now. Any length is allowed. */
  setTimer(callback: () => void, delayMs: number): Timer;
}

/** The longest delay that `setTimeout` takes; longer waits are done in steps. */
const LONGEST_STEP_MS = 2 ** 31 - 1;

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(callback, delayMs) {
    let handle: ReturnType<typeof setTimeout>;
    const arm = (remainingMs: number) => {
      const stepMs = Math.min(Math.max(remainingMs, 0), LONGEST_STEP_MS);
      handle = setTimeout(() => {
        if (remainingMs > stepMs) arm(remainingMs - stepMs);
        else callback();
      }, stepMs);
      handle.unref();
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
