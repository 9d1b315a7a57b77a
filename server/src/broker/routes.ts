import { Hono } from 'hono';
import {
  type BrokerExamination,
  type BrokerStatus,
  brokerExamination,
  brokerStatus,
} from '../../contract/api/broker.ts';
import { auditOrigin, writeAudit } from '../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../http/actor.ts';
import { describeOperation } from '../http/describe.ts';
import type { ConnectionState } from '../messaging/connection.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { AppError } from '../platform/errors.ts';
import { describeExamination } from './describe-examination.ts';
import { queueState } from './device-store.ts';
import type { Examination } from './examine.ts';
import type { Reconciler, ReconcilerStatus } from './reconciler.ts';

export interface BrokerRoutesDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly reconciler: Reconciler;
  /** State of the server's own MQTT session. */
  readonly connection: () => ConnectionState;
  /** How long PINGs take to be answered; undefined as long as none came. */
  readonly pingMs: () => number | undefined;
  /** Compares the broker with the database and changes nothing; ends within 14 s. */
  readonly examine: () => Promise<Examination>;
}

/** What the broker holds, as the reconciliation last saw it, and a run of it on demand. */
export function brokerRoutes(deps: BrokerRoutesDeps) {
  async function answer(status: ReconcilerStatus): Promise<BrokerStatus> {
    const { state, at, failure, report, lastRepair } = status;
    const queue = await queueState(deps.db);
    return {
      connection: deps.connection(),
      pingMs: deps.pingMs() ?? null,
      queuedChanges: queue.length,
      oldestChangeSeconds: queue.oldestSeconds,
      lastRun: {
        state,
        at: at === undefined ? null : new Date(at).toISOString(),
        failure: state === 'failed' ? (failure ?? null) : null,
        report: report ?? null,
      },
      lastRepair: lastRepair
        ? { at: new Date(lastRepair.at).toISOString(), report: lastRepair.report }
        : null,
    };
  }

  /** Those who ask while one is under way share it: it reads everything that the broker holds. */
  let examination: Promise<BrokerExamination> | undefined;

  async function runChecks(): Promise<BrokerExamination> {
    const { clock } = deps;
    const startedAt = clock.monotonic();
    const checked = describeExamination(await deps.examine());
    const tookMs = Math.round(clock.monotonic() - startedAt);
    return { at: new Date(clock.now()).toISOString(), tookMs, ...checked };
  }

  return new Hono<ApiEnv>()
    .get(
      '/broker',
      describeOperation({
        id: 'getBroker',
        tag: 'Broker',
        summary: 'State of the broker',
        answer: brokerStatus,
      }),
      async (c) => c.json(await answer(deps.reconciler.status())),
    )
    .get(
      '/broker/doctor',
      describeOperation({
        id: 'examineBroker',
        tag: 'Broker',
        summary: 'Check the broker now: what is wrong and what to do',
        description:
          'Does what `bun run doctor` does: compares the broker with the database, and connects once as the server does. Changes nothing. Answers within 15 s, also where something is silent; a failed check is part of the answer.',
        answer: brokerExamination,
      }),
      async (c) => {
        examination ??= runChecks().finally(() => {
          examination = undefined;
        });
        return c.json(await examination);
      },
    )
    .post(
      '/broker/reconcile',
      requireAdmin,
      describeOperation({
        id: 'reconcileBroker',
        tag: 'Broker',
        summary: 'Reconcile the broker now',
        description:
          'Compares the broker with the desired state, fixes the differences, and answers when done.',
        answer: brokerStatus,
        admin: true,
        problems: ['unavailable'],
      }),
      async (c) => {
        const status = await deps.reconciler.runNow('operator');
        await writeAudit(deps.db, {
          ...auditOrigin(c, deps.clock.now()),
          action: 'broker.reconciled',
          after: { state: status.state, failure: status.failure },
        });
        if (status.state === 'failed') {
          throw new AppError('unavailable', status.failure ?? 'The run failed.', { retryAfterSeconds: 5 });
        }
        return c.json(await answer(status));
      },
    );
}
