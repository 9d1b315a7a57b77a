import type { Clock, Timer } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/client.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Random } from '../../platform/random.ts';
import { collectMessages } from './collect.ts';
import {
  type ClaimedMessage,
  claimMessages,
  disableChannel,
  isSilent,
  noteDelivered,
  noteGivenUp,
  noteRetry,
} from './message-store.ts';
import { tellAlerts } from './outbox.ts';
import { retryDelay } from './retry-schedule.ts';
import type { Send, SendOutcome } from './send.ts';

export interface CourierDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly send: Send;
}

const LOOK_MS = 1_000;
/** Messages that are being sent by this instance; a receiver that does not answer holds up no other. */
const PARALLEL = 16;
const GONE = 410;

/** Delivers what the outbox holds: from rows alone, so that another instance goes on where one was killed. */
export function createCourier(deps: CourierDeps) {
  const { db, clock, log } = deps;
  const count = deps.metrics.counter({
    name: 'siot_alert_deliveries_total',
    help: 'Attempts of this instance to deliver messages about alerts, by kind of channel; failed ones are not tried again.',
    labels: ['kind', 'outcome'],
  });
  const sending = new Set<Promise<void>>();
  let ticker: Timer | undefined;
  let looking: Promise<void> | undefined;
  let closed = false;

  async function look(): Promise<void> {
    await inTransaction(db, async (tx) => {
      await tellAlerts(tx);
      await collectMessages(tx, deps);
    });
    const free = PARALLEL - sending.size;
    if (free <= 0 || closed) return;
    for (const message of await claimMessages(db, free)) start(message);
  }

  function start(message: ClaimedMessage): void {
    const work = deliver(message)
      .catch((error: unknown) => log.warn({ err: error, message: message.id }, 'delivery could not be noted'))
      .finally(() => sending.delete(work));
    sending.add(work);
  }

  async function deliver(message: ClaimedMessage): Promise<void> {
    const { channel, attempts } = message;
    const sent = await deps.send(channel, message);
    const outcome = await inTransaction(db, (tx) => settle(tx, message, sent));
    count({ kind: channel.kind, outcome });
    const { status, error } = sent.result;
    if (error === null) return;
    log.warn(
      { channelId: channel.id, message: message.id, attempts, status, error },
      outcome === 'delivered' ? 'alerts not delivered to all recipients' : 'alerts not delivered',
    );
  }

  async function settle(
    tx: Parameters<typeof noteDelivered>[0],
    message: ClaimedMessage,
    { result, retryAfterSeconds }: SendOutcome,
  ): Promise<'delivered' | 'retried' | 'failed'> {
    if (result.delivered) {
      await noteDelivered(tx, message, result);
      return 'delivered';
    }
    const gone = result.status === GONE;
    const delay = gone ? undefined : retryDelay(message.attempts, deps.random, retryAfterSeconds);
    if (delay !== undefined) {
      await noteRetry(tx, message, result, delay);
      return 'retried';
    }
    await noteGivenUp(tx, message, result);
    const notice = await noticeOf(tx, message, result);
    if (notice !== undefined) await disableChannel(tx, message.channel, notice, clock.now());
    return 'failed';
  }

  function run(): void {
    if (looking || closed) return;
    looking = look()
      .catch((error: unknown) => log.warn({ err: error }, 'alerts wait for the database'))
      .finally(() => {
        looking = undefined;
      });
  }

  return {
    start() {
      ticker ??= clock.setTicker(run, LOOK_MS);
      run();
    },
    async close() {
      closed = true;
      ticker?.cancel();
      await looking;
      await Promise.all(sending);
    },
  };
}

/** Why a channel is to be disabled: it says that it is gone, or has taken nothing for as long as the message was tried. */
async function noticeOf(
  tx: Parameters<typeof isSilent>[0],
  message: ClaimedMessage,
  { status, error }: SendOutcome['result'],
): Promise<string | undefined> {
  if (status === GONE) return 'Disabled: the receiver answered 410 (gone).';
  if (!(await isSilent(tx, message))) return undefined;
  return `Disabled: nothing could be delivered for three days. ${error ?? ''}`.trim();
}
