import type postgres from 'postgres';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { featureLogger, type Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { createAcknowledger } from './ingest/acknowledger.ts';
import type { BatchHandlers } from './ingest/batch-store.ts';
import { createIngest, type IngestState } from './ingest/ingest.ts';
import { createMaintenance } from './store/maintenance.ts';
import { makeTelemetryPartitions, type Retention } from './store/retention.ts';

export interface TelemetryDeps {
  readonly db: Database;
  readonly sql: postgres.Sql;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly mqttUrl: string;
  readonly instanceId: string;
  readonly retention: Retention;
  /** Makes the password of one connection of the ingest session; the user name is the client id. */
  readonly ingestPassword: (clientId: string) => Promise<string>;
  /** Sends through the instance's own session; false when that is down. */
  readonly publish: (topic: string, payload: string, qos: 1) => boolean;
  /** What other features do with a batch, in its transaction. */
  readonly handlers?: BatchHandlers;
  /** Told of every device whose message was stored. */
  readonly onSeen?: (deviceId: string) => void;
  /** Called when the broker was reached but refused the ingest session. */
  readonly onRefused?: () => void;
}

/** Messages that this instance has stored, by what became of them. */
export type IngestCounts = Readonly<
  Record<'stored' | 'repeated' | 'rejected' | 'replies' | 'abouts', number>
>;

export interface Telemetry {
  ingestState(): IngestState;
  /** Messages that have arrived here and are not stored yet. */
  waiting(): number;
  counts(): IngestCounts;
  /** Rolls up and drops what is due, as every minute. */
  maintain(): Promise<void>;
  /** To be called once the schema is in place. */
  start(): void;
  close(limitMs: number): Promise<void>;
}

/** Takes in what devices measure, keeps it for as long as it is to be kept, and answers questions about it. */
export function createTelemetry(deps: TelemetryDeps): Telemetry {
  const { clock, random } = deps;
  const log = featureLogger(deps.log, 'Telemetry');
  const counts = { stored: 0, repeated: 0, rejected: 0, replies: 0, abouts: 0 };
  const acknowledger = createAcknowledger({ clock, publish: deps.publish });
  const makePartitions = () => makeTelemetryPartitions(deps.sql, clock.now());

  const ingest = createIngest({
    ...deps,
    log,
    password: deps.ingestPassword,
    handlers: deps.handlers ?? {},
    makePartitions,
    onAcknowledged: acknowledger.note,
    onRefused: deps.onRefused ?? (() => {}),
    onStored(plan) {
      counts.stored += plan.records.length;
      counts.rejected += plan.rejects.length;
      counts.replies += plan.replies.length;
      counts.abouts += plan.abouts.length;
      for (const [deviceId, { repeated }] of plan.counts) {
        counts.repeated += repeated;
        deps.onSeen?.(deviceId);
      }
    },
  });
  const holder = `${deps.instanceId}/${Buffer.from(random.bytes(6)).toString('hex')}`;
  const maintenance = createMaintenance({ ...deps, log, holder });

  return {
    ingestState: ingest.state,
    waiting: ingest.waiting,
    counts: () => ({ ...counts }),
    maintain: maintenance.run,
    start() {
      acknowledger.start();
      maintenance.start();
      ingest.start();
    },
    async close(limitMs) {
      await ingest.close(limitMs);
      acknowledger.close();
      await maintenance.close();
    },
  };
}
