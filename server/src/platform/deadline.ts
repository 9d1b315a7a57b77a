import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';

/**
 * `work`, or `unavailable` when it takes longer than `limitMs`; the work itself is not stopped.
 *
 * @param what is waited for, as it follows "timed out waiting for".
 */
export async function withDeadline<T>(
  clock: Clock,
  limitMs: number,
  work: Promise<T>,
  what: string,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimer(
    () => reject(new AppError('unavailable', `Timed out waiting for ${what}.`, { retryAfterSeconds: 10 })),
    limitMs,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    timer.cancel();
  }
}
