import type { Clock, Timer } from '../../platform/clock.ts';
import { tryLock } from '../../platform/db/advisory-lock.ts';
import type { Database } from '../../platform/db/client.ts';
import { isReadOnly, isTooSlow, isUnreachable } from '../../platform/db/database-error.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import type { Logger } from '../../platform/logger.ts';
import { healTimes } from '../heal-times.ts';
import { removeOldAlerts } from '../history/retention.ts';
import { isCatchingUp } from './catching-up.ts';
import { fireDue } from './due.ts';
import { evaluateFleet } from './fleet.ts';
import { holdRuleBook, type RuleBook } from './rule-book.ts';
import { evaluateSkipped } from './skipped.ts';
import { sweepStates } from './sweep.ts';

export interface WatcherDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
}

const LOOK_MS = 1_000;
/** The whole fleet is looked at every so many looks. */
const FLEET_LOOKS = 3;
const CLEAN_EVERY_MS = 3_600_000;
/** What is answered no sooner was out of reach. */
const AWAY_MS = 5_000;

/** Fires by time what no record fires. The timers are rows: any instance does it, one at a time. */
export function createWatcher({ db, clock, log }: WatcherDeps) {
  let book: RuleBook | undefined;
  let looks = 0;
  /** The database was out of reach since this instance looked last. */
  let away = false;
  let cleanedAt = Number.NEGATIVE_INFINITY;
  let ticker: Timer | undefined;
  let running: Promise<void> | undefined;

  async function look(): Promise<void> {
    const wholeFleet = looks++ % FLEET_LOOKS === 0;
    const startedAt = clock.monotonic();
    const looked = await inTransaction(db, async (tx) => {
      if (!(await tryLock(tx, 'alert-watcher'))) return false;
      away ||= clock.monotonic() - startedAt > AWAY_MS;
      const known = book;
      book = await holdRuleBook(tx, known);
      if (book !== known && book.unreadable.length > 0) {
        log.error({ rules: book.unreadable }, 'alert rules that cannot be read are not evaluated');
      }
      if (wholeFleet) await healTimes(tx);
      const catchingUp = await isCatchingUp(tx, away);
      if (book.rules.size === 0) return true;
      if (wholeFleet) {
        await sweepStates(tx);
        await evaluateFleet(tx, book, catchingUp);
      }
      if (!catchingUp) await fireDue(tx, book);
      return true;
    }).catch((error: unknown) => {
      away ||= isOutage(error);
      throw error;
    });
    if (looked) away = false;
    if (book) await evaluateSkipped({ db, log }, book);
    if (clock.now() - cleanedAt < CLEAN_EVERY_MS) return;
    await removeOldAlerts(db);
    cleanedAt = clock.now();
  }

  function run(): void {
    running ??= look()
      .catch((error: unknown) => log.warn({ err: error }, 'alert rules wait for the database'))
      .finally(() => {
        running = undefined;
      });
  }

  return {
    start() {
      ticker ??= clock.setTicker(run, LOOK_MS);
      run();
    },
    async close() {
      ticker?.cancel();
      await running;
    },
  };
}

/** Whether nothing could be stored. A statement of the watcher itself that takes too long says nothing about others. */
function isOutage(error: unknown): boolean {
  return (isUnreachable(error) && !isTooSlow(error)) || isReadOnly(error);
}
