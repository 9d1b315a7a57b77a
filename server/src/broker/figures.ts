import type { ReconcileReport } from '../../contract/api/broker.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { withDeadline } from '../platform/deadline.ts';
import type { Metrics } from '../platform/metrics.ts';
import { queueState } from './device-store.ts';

/** A scrape does not wait longer for a database that hangs. */
const READ_LIMIT_MS = 2_000;

interface BrokerFiguresDeps {
  readonly metrics: Metrics;
  readonly db: Database;
  readonly clock: Clock;
  /** Whether the server's own MQTT session is up. */
  readonly isOnline: () => boolean;
}

/** Registers the figures of the broker: the session, the queue of changes, and what runs of the reconciliation found. */
export function brokerFigures({ metrics, db, clock, isOnline }: BrokerFiguresDeps) {
  metrics.observe({
    name: 'siot_broker_connected',
    help: "1 while the server's own MQTT session is up.",
    type: 'gauge',
    read: () => [[{}, isOnline() ? 1 : 0]],
  });
  metrics.observe({
    name: 'siot_broker_changes_queued',
    help: 'Changes that wait for the broker.',
    type: 'gauge',
    read: async () => [[{}, (await readQueue(db, clock)).length]],
  });
  metrics.observe({
    name: 'siot_broker_changes_oldest_age_seconds',
    help: 'Age of the oldest change that waits for the broker; 0 when none waits.',
    type: 'gauge',
    read: async () => [[{}, (await readQueue(db, clock)).oldestSeconds]],
  });
  const runs = metrics.counter({
    name: 'siot_broker_runs_total',
    help: 'Runs of the reconciliation by result.',
    labels: ['result'],
  });
  const differences = metrics.counter({
    name: 'siot_broker_differences_total',
    help: 'Differences between broker and database that a run found, by kind.',
    labels: ['kind'],
  });

  return {
    /** Counts the runs of `run`, and what they found. */
    counted(run: () => Promise<ReconcileReport | undefined>): () => Promise<ReconcileReport | undefined> {
      return async () => {
        try {
          const report = await run();
          runs({ result: report === undefined ? 'settings_only' : 'ok' });
          if (report === undefined) return report;
          differences({ kind: 'settings' }, report.differences.length);
          for (const [kind, found] of Object.entries(report.devices)) differences({ kind }, found);
          return report;
        } catch (error) {
          runs({ result: 'failed' });
          throw error;
        }
      };
    },
  };
}

async function readQueue(db: Database, clock: Clock): Promise<{ length: number; oldestSeconds: number }> {
  const { length, oldestSeconds } = await withDeadline(clock, READ_LIMIT_MS, queueState(db), 'the database');
  return { length, oldestSeconds: oldestSeconds ?? 0 };
}
