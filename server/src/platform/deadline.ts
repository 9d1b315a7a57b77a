import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';

/** `work`, or `unavailable` when it takes longer than `limitMs`; the work itself is not stopped. */
export async function withDeadline<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimer(
    () =>
      reject(new AppError('unavailable', 'The database does not answer in time.', { retryAfterSeconds: 10 })),
    limitMs,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    timer.cancel();
  }
}
