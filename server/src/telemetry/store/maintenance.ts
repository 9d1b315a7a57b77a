import type { Clock, Timer } from '../../platform/clock.ts';
import type { DatabaseClient } from '../../platform/db/client.ts';
import { ifLeaseIsFree } from '../../platform/fenced-lease.ts';
import type { Logger } from '../../platform/logger.ts';
import { applyRetention, makeTelemetryPartitions, type Retention } from './retention.ts';
import { rollUp } from './rollups.ts';

export interface MaintenanceDeps {
  readonly database: DatabaseClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly retention: Retention;
  /** Names this process. */
  readonly holder: string;
}

/** Keeps the tables of telemetry in order; one instance at a time does it. */
export interface Maintenance {
  start(): void;
  /** Makes partitions and rollups and drops what has expired, unless another instance is at it. */
  run(): Promise<void>;
  close(): Promise<void>;
}

const INTERVAL_MS = 60_000;
const RETENTION_EVERY_MS = 3_600_000;
const LEASE = 'telemetry-maintenance';

export function createMaintenance(deps: MaintenanceDeps): Maintenance {
  const { database, clock, log } = deps;
  const stopping = new AbortController();
  let ticker: Timer | undefined;
  let retainedAt = Number.NEGATIVE_INFINITY;
  let running: Promise<void> = Promise.resolve();

  async function work(lost: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([lost, stopping.signal]);
    // Rolling up the hours of many devices takes longer than a statement of a request may.
    await database.unlimited(async (sql, db) => {
      await makeTelemetryPartitions(sql, clock.now());
      const hours = await rollUp(db, clock.now(), signal);
      if (hours > 0) log.debug({ hours }, 'hours rolled up');
      if (clock.now() - retainedAt < RETENTION_EVERY_MS) return;
      await applyRetention({ sql, db }, deps.retention, clock.now(), signal);
      retainedAt = clock.now();
    });
  }

  function run(): Promise<void> {
    running = running.then(async () => {
      if (stopping.signal.aborted) return;
      try {
        await ifLeaseIsFree({ ...deps, db: database.db }, LEASE, work);
      } catch (error) {
        if (!stopping.signal.aborted) log.warn({ err: error }, 'telemetry maintenance is tried again later');
      }
    });
    return running;
  }

  return {
    start() {
      ticker ??= clock.setTicker(() => void run(), INTERVAL_MS);
      void run();
    },
    run,
    async close() {
      ticker?.cancel();
      stopping.abort();
      await running;
    },
  };
}
