import { sql } from 'drizzle-orm';
import type { Clock, Timer } from '../clock.ts';
import type { Queryable } from './client.ts';

/** Tells the time of the database, in Unix milliseconds. */
export type DatabaseTime = (db: Queryable) => Promise<number>;

export interface DatabaseClock extends Clock {
  /** Reads the database's time now, and every minute from then on; a database that does not answer changes nothing. */
  start(db: Queryable): Promise<void>;
  close(): void;
}

const INTERVAL_MS = 60_000;
/** Smaller differences are what the way to the database takes. */
const TOLERANCE_MS = 250;
/** What took longer, or was read while the machine slept, tells no time. */
const MAX_READING_MS = 1_000;

/**
 * A clock that follows the database's, so that every instance stores and compares the same times, whatever its machine
 * says. Between two readings it runs on monotonic time: a step of the machine's clock does not reach it, one of the
 * database's heals within a minute. Before the first reading it shows the machine's time.
 *
 * @param read without it the clock follows nothing.
 */
export function createDatabaseClock(local: Clock, read: DatabaseTime | undefined): DatabaseClock {
  let aheadOfMonotonic = local.now() - local.monotonic();
  let ticker: Timer | undefined;

  async function follow(db: Queryable): Promise<void> {
    const asked = local.monotonic();
    const time = await read?.(db).catch(() => undefined);
    if (time === undefined || local.monotonic() - asked > MAX_READING_MS) return;
    const measured = time - (asked + local.monotonic()) / 2;
    if (Math.abs(measured - aheadOfMonotonic) > TOLERANCE_MS) aheadOfMonotonic = measured;
  }

  return {
    now: () => Math.round(aheadOfMonotonic + local.monotonic()),
    monotonic: () => local.monotonic(),
    setTimer: (callback, delayMs) => local.setTimer(callback, delayMs),
    setTicker: (callback, intervalMs) => local.setTicker(callback, intervalMs),
    async start(db) {
      ticker ??= local.setTicker(() => void follow(db), INTERVAL_MS);
      await follow(db);
    },
    close: () => ticker?.cancel(),
  };
}

/** What a production server follows. */
export async function readDatabaseTime(db: Queryable): Promise<number> {
  const [row] = await db.execute<{ ms: string }>(
    sql`select (extract(epoch from clock_timestamp()) * 1000)::bigint::text as ms`,
  );
  if (!row) throw new Error('the database told no time');
  return Number(row.ms);
}
