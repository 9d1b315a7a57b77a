import type { Clock, Timer } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import type { DatabaseClient } from './client.ts';

export interface LivenessLockDeps {
  readonly database: Pick<DatabaseClient, 'unlimited'>;
  readonly clock: Clock;
}

/**
 * An advisory lock that a process holds for as long as it lives: PostgreSQL drops it as soon as the connection ends, which
 * the kernel closes for a process that was killed. A machine that vanished keeps it until TCP gives up.
 */
export interface LivenessLock {
  isHeld(): boolean;
  /** Takes the lock unless another process holds it. Returns whether it is held here. */
  take(): Promise<boolean>;
  release(): Promise<void>;
}

/** Any fixed number: what these locks have in common. */
export const LIVENESS_LOCK_CLASS = 7_268_403;
/** Short of the limits that databases set for idle transactions; a dead connection shows at the next one. */
const HEARTBEAT_MS = 4_000;
const ANSWER_LIMIT_MS = 3_000;

export function createLivenessLock({ database, clock }: LivenessLockDeps, name: string): LivenessLock {
  let current: ReturnType<typeof open> | undefined;
  let taking: Promise<boolean> | undefined;
  const inTime = <T>(answer: Promise<T>) => withDeadline(clock, ANSWER_LIMIT_MS, answer, 'the database');

  /** The lock belongs to a transaction that stays open on a connection of its own. */
  function open() {
    const taken = Promise.withResolvers<boolean>();
    const released = Promise.withResolvers<void>();
    /** Gives up a connection that no longer answers. */
    const dead = Promise.withResolvers<never>();
    let held = false;
    let heartbeat: Timer | undefined;
    const ended = database
      .unlimited((sql) => {
        const transaction = sql.begin(async (tx) => {
          const [row] = await tx<{ taken: boolean }[]>`
            select pg_try_advisory_xact_lock(${LIVENESS_LOCK_CLASS}::int, hashtext(${name})) as taken`;
          held = row?.taken === true;
          taken.resolve(held);
          if (!held) return;
          heartbeat = clock.setTicker(() => void inTime(tx`select 1`).catch(dead.reject), HEARTBEAT_MS);
          await released.promise;
        });
        return Promise.race([transaction, dead.promise]);
      })
      .catch(taken.reject)
      .finally(() => {
        heartbeat?.cancel();
        held = false;
      });
    taken.promise.catch(() => {});
    return {
      isHeld: () => held,
      isTaken: () => inTime(taken.promise),
      async close() {
        released.resolve();
        await inTime(ended).catch(dead.reject);
      },
    };
  }

  async function reopen(): Promise<boolean> {
    await current?.close();
    current = open();
    return await current.isTaken();
  }

  return {
    isHeld: () => current?.isHeld() === true,
    async take() {
      if (current?.isHeld()) return true;
      taking ??= reopen().finally(() => {
        taking = undefined;
      });
      return await taking;
    },
    async release() {
      await taking?.catch(() => {});
      await current?.close();
      current = undefined;
    },
  };
}
