import { Hono } from 'hono';
import { type BrokerStatus, brokerStatus } from '../../contract/api/broker.ts';
import { auditOrigin, writeAudit } from '../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../http/actor.ts';
import { describeOperation } from '../http/describe.ts';
import type { ConnectionState } from '../messaging/connection.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { AppError } from '../platform/errors.ts';
import { queueState } from './device-store.ts';
import type { Reconciler, ReconcilerStatus } from './reconciler.ts';

export interface BrokerRoutesDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly reconciler: Reconciler;
  /** State of the server's own MQTT session. */
  readonly connection: () => ConnectionState;
  /** How long PINGs take to be answered; undefined as long as none came. */
  readonly pingMs: () => number | undefined;
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
