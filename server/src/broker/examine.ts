import type { ReconcileReport } from '../../contract/api/broker.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { withDeadline } from '../platform/deadline.ts';
import type { DesiredState } from './desired-state.ts';
import { queueState } from './device-store.ts';
import type { Emqx } from './emqx.ts';
import { reconcileNow } from './reconcile-now.ts';
import type { PresenceCorrection } from './reconcile-sessions.ts';

export interface ExaminationDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly desired: DesiredState;
  /** The broker's REST API; calls and retries end with the signal. */
  readonly connect: (signal: AbortSignal) => Emqx;
  readonly presence: () => PresenceCorrection;
  /** Connects once as the server does; why it failed, if it did. */
  readonly tryMqtt: () => Promise<string | undefined>;
  /** Time for all of it, in milliseconds; 14 s unless given. */
  readonly limitMs?: number;
}

/** What there is of a part of the examination: what it found, or why it could not be done. */
export type Outcome<T> =
  | { readonly is: 'done'; readonly value: T }
  | { readonly is: 'failed'; readonly error: unknown }
  | { readonly is: 'skipped' };

export interface Examination {
  /** Changes that wait for the broker; the database answers if they could be counted. */
  readonly queued: Outcome<number>;
  /** Whether the broker's REST API answers. */
  readonly api: Outcome<unknown>;
  /** Why the server cannot connect by MQTT, if it cannot. */
  readonly mqtt: Outcome<string | undefined>;
  /** How the broker differs from the database. */
  readonly comparison: Outcome<ReconcileReport>;
}

const COMPARISON = 'the comparison of broker and database, for which `bun run doctor` has 5 minutes';
const ANSWER_LIMIT_MS = 5_000;
/** `GET /broker/doctor` answers within 15 s. */
const WHOLE_LIMIT_MS = 14_000;
/** Where nobody else waits: the comparison of a large fleet takes its time. */
export const UNHURRIED_LIMIT_MS = 5 * 60_000;

/**
 * Compares the broker with the database and connects once by MQTT. Changes nothing. Ends within `limitMs`, and within 5 s
 * where something does not answer; never rejects.
 */
export async function examine(deps: ExaminationDeps): Promise<Examination> {
  const { db, clock, desired, presence } = deps;
  const startedAt = clock.monotonic();
  const stopping = new AbortController();
  const emqx = deps.connect(stopping.signal);
  const within = <T>(limitMs: number, work: Promise<T>, what: string) =>
    outcomeOf(withDeadline(clock, limitMs, work, what));
  try {
    const [queued, api, mqtt] = await Promise.all([
      within(
        ANSWER_LIMIT_MS,
        queueState(db).then(({ length }) => length),
        'the database',
      ),
      within(ANSWER_LIMIT_MS, emqx.nodes(), 'the broker REST API'),
      within(ANSWER_LIMIT_MS, deps.tryMqtt(), 'the MQTT port of the broker'),
    ]);
    if (queued.is !== 'done' || api.is !== 'done') {
      return { queued, api, mqtt, comparison: { is: 'skipped' } };
    }
    const leftMs = (deps.limitMs ?? WHOLE_LIMIT_MS) - (clock.monotonic() - startedAt);
    const compared = reconcileNow({ db, emqx, clock, desired, presence }, false);
    return { queued, api, mqtt, comparison: await within(leftMs, compared, COMPARISON) };
  } finally {
    stopping.abort();
  }
}

async function outcomeOf<T>(work: Promise<T>): Promise<Outcome<T>> {
  try {
    return { is: 'done', value: await work };
  } catch (error) {
    return { is: 'failed', error };
  }
}
