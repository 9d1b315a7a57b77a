import { sql } from 'drizzle-orm';
import { cachedReading } from '../platform/cached-reading.ts';
import type { Clock } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import { ingestEvents, telemetryDevices } from '../platform/db/schema.ts';
import type { Metrics } from '../platform/metrics.ts';

interface TelemetryFiguresDeps {
  readonly metrics: Metrics;
  readonly account: AccountReading;
  readonly db: Queryable;
  readonly clock: Clock;
  /** Messages that have arrived here and are not stored yet. */
  readonly waiting: () => number;
}

const KEPT_MS = 5_000;

/** Registers the account of all records, which every instance reads alike, and what waits at this one. */
export function telemetryFigures({ metrics, account, db, clock, waiting }: TelemetryFiguresDeps): void {
  metrics.observe({
    name: 'siot_telemetry_records_total',
    help: 'Records of all devices by outcome.',
    type: 'counter',
    labels: ['outcome'],
    read: async () => {
      const { stored, repeated, rejected } = await account();
      return Object.entries({ stored, repeated, rejected }).map(
        ([outcome, count]) => [{ outcome }, count] as const,
      );
    },
  });
  metrics.observe({
    name: 'siot_telemetry_records_lost',
    help: 'Numbered records that are missing now; those that arrive late are taken off.',
    type: 'gauge',
    read: async () => [[{}, (await account()).lost]],
  });
  const losses = cachedReading(clock, KEPT_MS, () =>
    db
      .select({
        sessions: sql<number>`count(*) filter (where kind = 'session_lost')`.mapWith(Number),
        messages: sql<number>`coalesce(sum(messages), 0)`.mapWith(Number),
      })
      .from(ingestEvents),
  );
  metrics.observe({
    name: 'siot_telemetry_sessions_lost',
    help: 'How often within a year the broker lost the session that telemetry arrives on, with what it held.',
    type: 'gauge',
    read: async () => (await losses()).map(({ sessions }) => [{}, sessions] as const),
  });
  metrics.observe({
    name: 'siot_telemetry_messages_dropped',
    help: 'Messages that the broker dropped within a year because its queue for the server was full.',
    type: 'gauge',
    read: async () => (await losses()).map(({ messages }) => [{}, messages] as const),
  });
  metrics.observe({
    name: 'siot_telemetry_waiting',
    help: 'Messages that have arrived at this instance and are not stored yet.',
    type: 'gauge',
    read: () => [[{}, waiting()]],
  });
}

export type AccountReading = ReturnType<typeof accountReading>;

/** The records of all devices by outcome; read at most every few seconds, whoever asks. */
export function accountReading(clock: Clock, db: Queryable) {
  const sum = (column: keyof typeof columns) =>
    sql<number>`coalesce(sum(${columns[column]}), 0)`.mapWith(Number);
  return cachedReading(clock, KEPT_MS, async () => {
    const [row] = await db
      .select({
        stored: sum('stored'),
        lost: sum('lost'),
        repeated: sum('repeated'),
        rejected: sum('rejected'),
      })
      .from(telemetryDevices);
    if (!row) throw new Error('a sum answers one row');
    return row;
  });
}

const columns = {
  stored: telemetryDevices.stored,
  lost: telemetryDevices.lost,
  repeated: telemetryDevices.repeated,
  rejected: telemetryDevices.rejected,
};
