import type { Clock, Timer } from '../src/platform/clock.ts';
import type { Random } from '../src/platform/random.ts';

export interface ResendDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Sends every record again that is not acknowledged. */
  readonly onDue: () => void;
}

/** When a device that stays connected sends its records again (docs/protocol.md, "Numbered records"). */
export interface Resend {
  /** A record that is not acknowledged went out. */
  sent(): void;
  /** An acknowledgement covered records; so many are left. */
  progressed(left: number): void;
  /** The connection has ended: a reconnect sends everything anyway. */
  stop(): void;
}

/** Without progress; doubles each time. */
const FIRST_MS = 30_000;
const CAP_MS = 15 * 60_000;

/** A wait is up to a quarter longer than that, so that a fleet whose server was away spreads out. */
export function createResend({ clock, random, onDue }: ResendDeps): Resend {
  let timer: Timer | undefined;
  let waitMs = FIRST_MS;

  function stop(): void {
    timer?.cancel();
    timer = undefined;
    waitMs = FIRST_MS;
  }

  function wait(): void {
    timer = clock.setTimer(
      () => {
        waitMs = Math.min(2 * waitMs, CAP_MS);
        wait();
        onDue();
      },
      waitMs * (1 + random.fraction() / 4),
    );
  }

  return {
    sent() {
      if (!timer) wait();
    },
    progressed(left) {
      stop();
      if (left > 0) wait();
    },
    stop,
  };
}
