import { sql } from 'drizzle-orm';
import type { Clock, Timer } from '../../platform/clock.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { withDeadline } from '../../platform/deadline.ts';
import type { Logger } from '../../platform/logger.ts';

/** What waits at the broker for the ingest session. */
export interface SessionQueue {
  /** Messages that were dropped since the session began, because the queue was full. */
  readonly dropped: number;
  /** Messages in flight at most, as it was at the last CONNECT. */
  readonly maxInflight: number | undefined;
}

export interface SessionWatchDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether this instance holds the session. */
  readonly isOnline: () => boolean;
  /** Undefined where the broker knows no such session. */
  readonly readQueue: () => Promise<SessionQueue | undefined>;
  /** What the broker is set to. */
  readonly maxInflight: number;
  /** Leaves the broker and connects again; the session stays. */
  readonly reconnect: () => Promise<void>;
}

/** Looks after the ingest session from outside: by what the broker says of it. */
export interface SessionWatch {
  start(): void;
  look(): Promise<void>;
  /** What was lost within a day, in words. */
  remark(): string | undefined;
  close(): Promise<void>;
}

const LOOK_MS = 15_000;
const LIMIT_MS = 10_000;
/** A broker that cannot be set up is not asked more often. */
const RECONNECT_MS = 600_000;
const REMARKED_FOR = '1 day';

export function createSessionWatch(deps: SessionWatchDeps): SessionWatch {
  const { db, clock, log } = deps;
  let reconnectedAt = Number.NEGATIVE_INFINITY;
  let remark: string | undefined;
  let ticker: Timer | undefined;
  let looking: Promise<void> = Promise.resolve();

  async function work(): Promise<void> {
    if (deps.isOnline()) {
      const queue = await deps.readQueue();
      if (queue) {
        await noteDropped(queue.dropped);
        await followSettings(queue);
      }
    }
    remark = await readRemark(db);
  }

  /** The broker counts from the session's beginning, whichever instance holds it. */
  async function noteDropped(dropped: number): Promise<void> {
    if (dropped === 0) return;
    const [noted] = await db.execute<{ messages: number }>(sql`
      insert into ingest_events (at, kind, messages)
      select now(), 'queue_overflow', ${dropped}::bigint - known.messages
      from (
        select coalesce(sum(messages), 0)::bigint as messages from ingest_events
        where id > coalesce((select max(id) from ingest_events where kind <> 'queue_overflow'), 0)
      ) as known
      where ${dropped}::bigint > known.messages
      returning messages::int`);
    if (noted) log.error(noted, 'the broker dropped messages for the server: its queue was full');
  }

  /** A session that is older than the settings of its zone has them from its next CONNECT on. */
  async function followSettings({ maxInflight }: SessionQueue): Promise<void> {
    if (maxInflight === undefined || maxInflight >= deps.maxInflight) return;
    if (clock.monotonic() - reconnectedAt < RECONNECT_MS) return;
    reconnectedAt = clock.monotonic();
    log.info({ maxInflight }, 'ingest session connects again: it is older than the settings of the broker');
    await deps.reconnect();
  }

  function look(): Promise<void> {
    looking = looking.then(() =>
      withDeadline(clock, LIMIT_MS, work(), 'the state of the ingest session').catch((error: unknown) => {
        log.debug({ err: error }, 'the state of the ingest session cannot be read');
      }),
    );
    return looking;
  }

  return {
    look,
    start() {
      void look();
      ticker ??= clock.setTicker(() => void look(), LOOK_MS);
    },
    remark: () => remark,
    async close() {
      ticker?.cancel();
      await looking;
    },
  };
}

async function readRemark(db: Queryable): Promise<string | undefined> {
  const [lost] = await db.execute<{ sessions: number; messages: number }>(sql`
    select count(*) filter (where kind = 'session_lost')::int as sessions, coalesce(sum(messages), 0)::int as messages
    from ingest_events where at > now() - ${REMARKED_FOR}::interval`);
  const parts = [
    lost?.sessions ? `the broker lost its session ${times(lost.sessions)}` : undefined,
    lost?.messages ? `its full queue dropped ${lost.messages} messages` : undefined,
  ].filter((part) => part !== undefined);
  return parts.length > 0 ? `in the last 24 hours ${parts.join(', and ')}` : undefined;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
