import { sql } from 'drizzle-orm';
import { aboutTopic, dataTopic, replyTopic } from '../../../contract/topics.ts';
import { type BackoffLimits, backoffDelay } from '../../platform/backoff.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Database, DatabaseClient } from '../../platform/db/client.ts';
import { createLivenessLock } from '../../platform/db/liveness-lock.ts';
import { withDeadline } from '../../platform/deadline.ts';
import {
  type FencedLease,
  LeaseLostError,
  leaseIsFree,
  releaseLease,
  renewLease,
  takeLease,
} from '../../platform/fenced-lease.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Random } from '../../platform/random.ts';
import { type BatchHandlers, createBatchStore } from './batch-store.ts';
import { type MqttSession, openSession, SessionRefusedError } from './mqtt-session.ts';
import type { Acknowledgement, BatchPlan } from './plan-batch.ts';
import { createWindowedConsumer, type WindowedConsumer } from './windowed-consumer.ts';

export interface IngestDeps {
  readonly db: Database;
  readonly database: Pick<DatabaseClient, 'unlimited'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** `mqtt://host:port` or `mqtts://host:port` of the broker's listener for the server. */
  readonly mqttUrl: string;
  readonly instanceId: string;
  /** Makes the password of one connection; the user name is the client id. */
  readonly password: (clientId: string) => Promise<string>;
  readonly handlers: BatchHandlers;
  readonly makePartitions: () => Promise<void>;
  readonly onStored: (plan: BatchPlan) => void;
  readonly onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void;
  /** Called when the broker was reached but refused the session or a subscription. */
  readonly onRefused: () => void;
}

export type IngestState = 'standby' | 'connecting' | 'refused' | 'online';

export interface Ingest {
  start(): void;
  /** `standby`: another instance holds the session. */
  state(): IngestState;
  /** Messages that have arrived here and are not stored yet. */
  waiting(): number;
  /** Leaves the broker and connects again; the session stays there. */
  reconnect(): Promise<void>;
  /** Finishes the batch under way within `limitMs`, leaves the broker and hands the session over. */
  close(limitMs: number): Promise<void>;
}

/** Client id and user name of the session, the same whichever instance holds it. No device can have it: theirs are UUIDs. */
export const INGEST_CLIENT_ID = 'server-ingest';
/** What the session subscribes to. */
export const INGEST_FILTERS = [dataTopic('+'), replyTopic('+'), aboutTopic('+')] as const;
/** The session as the broker must hold it before devices send anything. */
export const INGEST_SESSION = { clientId: INGEST_CLIENT_ID, filters: INGEST_FILTERS } as const;
/** The lease that the session is held under. */
export const INGEST_LEASE = 'ingest';

const LOOK_MS = 500;
const RENEW_MS = 3_000;
const RENEW_LIMIT_MS = 3_000;
const RECONNECT: BackoffLimits = { firstMs: 100, capMs: 4_000 };
const LEAVE_MS = 500;
const START_OVER_MS = 2_000;

/**
 * Holds the one session through which telemetry and replies arrive, or waits until the instance that holds it is gone. The
 * lease keeps two instances from taking the session from each other; what makes sure that a former holder stores nothing is
 * the epoch, which every transaction checks.
 */
export function createIngest(deps: IngestDeps): Ingest {
  const { db, clock, random, log } = deps;
  const stopping = new AbortController();
  const givenUp = new AbortController();
  const holder = `${deps.instanceId}/${Buffer.from(random.bytes(6)).toString('hex')}`;
  const liveness = createLivenessLock(deps, INGEST_LEASE);
  let state: IngestState = 'standby';
  let consumer: WindowedConsumer | undefined;
  let loop: Promise<void> | undefined;
  let leave: () => Promise<void> = async () => {};

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      state = 'standby';
      const lease = await claim().catch(() => undefined);
      if (!lease) {
        await liveness.release();
        await sleep(clock, LOOK_MS + random.fraction() * LOOK_MS, stopping.signal);
        continue;
      }
      try {
        await hold(lease);
      } catch (error) {
        log.error({ err: error }, 'ingest failed');
        await sleep(clock, LOOK_MS, stopping.signal);
      }
      await releaseLease(db, lease).catch(() => {});
      await liveness.release();
    }
  }

  /** Who has the liveness lock knows that the last holder lives no more, unless that one has just lost a connection. */
  async function claim(): Promise<FencedLease | undefined> {
    if (!(await leaseIsFree(db, INGEST_LEASE))) return undefined;
    const isAlone = await liveness.take();
    return await takeLease(db, INGEST_LEASE, holder, isAlone);
  }

  /** Keeps the session up until the lease is lost or this instance stops. */
  async function hold(lease: FencedLease): Promise<void> {
    const deposed = new AbortController();
    const signal = AbortSignal.any([deposed.signal, stopping.signal]);
    const renew = async () => {
      const renewed = await withDeadline(clock, RENEW_LIMIT_MS, renewLease(db, lease), 'the database');
      if (!renewed) return deposed.abort(new LeaseLostError(lease));
      if (!liveness.isHeld()) void liveness.take().catch(() => {});
    };
    const renewal = clock.setTicker(() => void renew().catch(() => {}), RENEW_MS);
    // A batch that is being stored when this instance stops is finished, if the database takes it in time.
    const store = createBatchStore({
      ...deps,
      lease,
      signal: AbortSignal.any([deposed.signal, givenUp.signal]),
    });
    try {
      for (let failures = 0; !signal.aborted; failures++) {
        state = state === 'refused' ? 'refused' : 'connecting';
        const wasUp = await connect(lease, store, signal, failures === 0);
        if (wasUp) failures = 0;
        if (signal.aborted) break;
        // Who is not sure to hold the lease must not take the session from the one who does.
        do await sleep(clock, backoffDelay(failures, RECONNECT, random), signal);
        while (
          !signal.aborted &&
          !(await renew().then(
            () => true,
            () => false,
          ))
        );
      }
    } finally {
      renewal.cancel();
      deposed.abort(new LeaseLostError(lease));
    }
  }

  /** One connection, from CONNECT to its end. Returns whether it was up. */
  async function connect(
    lease: FencedLease,
    store: ReturnType<typeof createBatchStore>,
    signal: AbortSignal,
    loud: boolean,
  ): Promise<boolean> {
    let session: MqttSession | undefined;
    const opening = new AbortController();
    const current = createWindowedConsumer({
      clock,
      store: store.store,
      link: {
        acknowledge: (packetIds) => session?.acknowledge(packetIds),
        pause: () => session?.pause(),
        resume: () => session?.resume(),
      },
      onFailed(error) {
        if (!signal.aborted) log.warn({ err: error }, 'ingest session given up');
        opening.abort();
        session?.destroy('storing failed');
      },
    });
    consumer = current;
    const abort = () => opening.abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      const open = await openSession({
        url: deps.mqttUrl,
        clientId: INGEST_CLIENT_ID,
        password: await deps.password(INGEST_CLIENT_ID),
        filters: INGEST_FILTERS,
        clock,
        onMessage: current.push,
        async onAccepted(accepted, present) {
          session = accepted;
          if (!present) await startedWithoutSession(store);
        },
        signal: opening.signal,
      });
      leave = () => open.close(LEAVE_MS);
      state = 'online';
      log.info({ epoch: lease.epoch }, 'ingest session is up');
      const reason = await open.closed;
      if (!signal.aborted) log.warn({ reason }, 'ingest session ended');
      return true;
    } catch (error) {
      const refused = error instanceof SessionRefusedError;
      state = refused ? 'refused' : 'connecting';
      if (refused) deps.onRefused();
      if (loud && !signal.aborted) {
        const why = refused ? { failure: error.message } : { err: error };
        log.warn(why, 'ingest session cannot be opened');
      }
      return false;
    } finally {
      signal.removeEventListener('abort', abort);
      leave = async () => {};
      if (state === 'online') state = 'connecting';
      await current.stop();
    }
  }

  /** The broker knows no session: at the very first connection, else with it went what the session held. */
  async function startedWithoutSession(store: ReturnType<typeof createBatchStore>): Promise<void> {
    const work = async () => {
      const [event] = await db.execute<{ kind: string }>(sql`
        insert into ingest_events (at, kind)
        select now(), case when exists (select from ingest_events) then 'session_lost' else 'session_created' end
        returning kind`);
      if (event?.kind === 'session_lost')
        log.error('the broker has lost the ingest session and what it held');
      await store.startOver();
    };
    // A database that is away must not keep the session from being subscribed.
    await withDeadline(clock, START_OVER_MS, work(), 'the database').catch((error: unknown) => {
      log.warn({ err: error }, 'the start of the ingest session could not be noted');
    });
  }

  return {
    start() {
      loop ??= run();
    },
    state: () => state,
    waiting: () => consumer?.waiting() ?? 0,
    reconnect: () => leave(),
    async close(limitMs) {
      const stopped = consumer?.stop() ?? Promise.resolve();
      await withDeadline(clock, limitMs, stopped, 'the last batch').catch(() => {});
      await leave();
      stopping.abort();
      givenUp.abort();
      await withDeadline(clock, limitMs, loop ?? Promise.resolve(), 'the ingest session').catch(() => {});
    },
  };
}
