import { AppError } from '../platform/errors.ts';
import type { Random } from '../platform/random.ts';

/** Who waits for a hash: anyone, or a browser and session that the server knows. Neither waits for the other. */
export type PasswordLane = 'stranger' | 'known';

/** Hashes and verifies passwords, few at a time: each takes 19 MiB and tens of milliseconds. */
export interface Passwords {
  /** Asked for by operators alone, so it does not wait for strangers. */
  hash(password: string): Promise<string>;
  /** Compares with a hash, or with one that nothing matches, in the same time, when there is none. */
  verify(password: string, hash: string | undefined, lane: PasswordLane): Promise<boolean>;
}

/** OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, 2 iterations. Bun fixes the parallelism at 1. */
const ARGON2 = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const;
/** A flood of strangers takes one core at most and leaves the rest to those who are known. */
const AT_ONCE: Readonly<Record<PasswordLane, number>> = { stranger: 1, known: 2 };
const MAX_WAITING = 64;

export function createPasswords(random: Random): Passwords {
  const lanes: Record<PasswordLane, ReturnType<typeof queue>> = {
    stranger: queue(AT_ONCE.stranger, MAX_WAITING),
    known: queue(AT_ONCE.known, MAX_WAITING),
  };
  let dummy: Promise<string> | undefined;

  function hash(password: string): Promise<string> {
    return lanes.known(() => Bun.password.hash(normalize(password), ARGON2));
  }

  return {
    hash,
    async verify(password, hashed, lane) {
      dummy ??= Bun.password.hash(Buffer.from(random.bytes(32)).toString('base64url'), ARGON2);
      const unmatched = await dummy;
      const matches = await lanes[lane](() => Bun.password.verify(normalize(password), hashed ?? unmatched));
      return matches && hashed !== undefined;
    },
  };
}

/** The same password typed on different keyboards is the same (NIST SP 800-63B, section 3.1.1.2). */
function normalize(password: string): string {
  return password.normalize('NFKC');
}

/** Runs at most `atOnce` tasks at a time, in order; `unavailable` when `maxWaiting` wait already. */
function queue(atOnce: number, maxWaiting: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (running >= atOnce) {
      if (waiting.length >= maxWaiting) {
        throw new AppError('unavailable', 'Too many simultaneous logins.', { retryAfterSeconds: 5 });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running++;
    }
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
