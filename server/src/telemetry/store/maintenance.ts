import type { Clock, Timer } from '../../platform/clock.ts';
import type { Database, DatabaseClient } from '../../platform/db/client.ts';
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
/** Of one run. */
const MAX_FAILURES_LOGGED = 10;

export function createMaintenance(deps: MaintenanceDeps): Maintenance {
  const { database, clock, log } = deps;
  const stopping = new AbortController();
  let ticker: Timer | undefined;
  const waiting = new Map<string, number>();
  let retainedAt = Number.NEGATIVE_INFINITY;
  let running: Promise<void> = Promise.resolve();

  async function work(lost: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([lost, stopping.signal]);
    // Rolling up the hours of many devices takes longer than a statement of a request may.
    await database.unlimited(async (sql, db) => {
      // Whatever fails before it, the disk must not fill up.
      try {
        await makeTelemetryPartitions(sql, clock.now());
        await rollUpMarked(db, signal);
      } finally {
        if (!signal.aborted) await retain({ sql, db }, signal);
      }
    });
  }

  async function rollUpMarked(db: Database, signal: AbortSignal): Promise<void> {
    let failures = 0;
    const hours = await rollUp(db, clock.now(), signal, {
      waiting,
      onFailure({ deviceId, ms }, error) {
        if (++failures > MAX_FAILURES_LOGGED) return;
        const hour = new Date(ms).toISOString();
        log.error({ err: error, deviceId, hour }, 'telemetry of an hour cannot be rolled up');
      },
    });
    if (failures > 0)
      log.warn({ hours: failures }, 'hours that cannot be rolled up are tried again in an hour');
    if (hours > 0) log.debug({ hours }, 'hours rolled up');
  }

  async function retain(connection: Pick<DatabaseClient, 'sql' | 'db'>, signal: AbortSignal): Promise<void> {
    if (clock.now() - retainedAt < RETENTION_EVERY_MS) return;
    await applyRetention(connection, deps.retention, clock.now(), signal);
    retainedAt = clock.now();
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
