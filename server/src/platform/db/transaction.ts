import { errorCode } from '../errors.ts';
import type { Database, Queryable } from './client.ts';

const ATTEMPTS = 4;
/** `deadlock_detected`: PostgreSQL ended one of two transactions that waited for each other. */
const DEADLOCK = '40P01';

/**
 * Runs `work` in a transaction, and again if it lost a deadlock. Those that lock device rows take
 * masters before agents and each of them by id; the batched writes of last-seen times keep no order and can still meet them.
 *
 * @throws what `work` throws, after rolling back.
 */
export async function inTransaction<T>(db: Database, work: (tx: Queryable) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(work);
    } catch (error) {
      if (attempt === ATTEMPTS || errorCode(error) !== DEADLOCK) throw error;
    }
  }
}
