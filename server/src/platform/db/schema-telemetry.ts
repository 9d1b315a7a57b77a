import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { moment } from './schema-columns.ts';

/**
 * The tables around telemetry. The two large ones, `telemetry` and `telemetry_rollups`, are partitioned by time, which
 * drizzle cannot express: the migration `telemetry_partitioned` makes them.
 */

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' });

/** Devices that have sent a record, by the small key that the large tables carry. Outlives a deleted device. */
export const telemetryDevices = pgTable('telemetry_devices', {
  key: integer('key').primaryKey().generatedAlwaysAsIdentity(),
  deviceId: uuid('device_id').notNull().unique(),
  /** How long its records are kept, in days, where that differs from `TELEMETRY_RETENTION`. */
  retentionDays: integer('retention_days'),
  stored: bigint('stored', { mode: 'number' }).notNull().default(0),
  /** Numbers that are missing now; a record that arrives late is taken off again. */
  lost: bigint('lost', { mode: 'number' }).notNull().default(0),
  repeated: bigint('repeated', { mode: 'number' }).notNull().default(0),
  rejected: bigint('rejected', { mode: 'number' }).notNull().default(0),
  lastReceivedAt: moment('last_received_at'),
});

/** Which numbers of a boot of a device are stored: all up to `last_n` but those in `gaps`. */
export const deviceStreams = pgTable(
  'device_streams',
  {
    device: integer('device')
      .notNull()
      .references(() => telemetryDevices.key, { onDelete: 'cascade' }),
    boot: bigint('boot', { mode: 'number' }).notNull(),
    lastN: bigint('last_n', { mode: 'number' }).notNull(),
    /** Triples: first missing number, last missing number, passes that left them out (`streams.ts`); ascending. */
    gaps: bigint('gaps', { mode: 'number' }).array().notNull().default(sql`'{}'`),
    updatedAt: moment('updated_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.device, table.boot] })],
);

/** The newest deliveries of the ingest session, one row a batch: packet id (2 bytes) and hash (8 bytes) of each. */
export const ingestDeliveries = pgTable('ingest_deliveries', {
  batch: bigint('batch', { mode: 'number' }).primaryKey(),
  deliveries: bytea('deliveries').notNull(),
});

/** What happened to the ingest session: created, lost with what it held, queue overflowed. */
export const ingestEvents = pgTable('ingest_events', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  at: moment('at').notNull(),
  kind: text('kind', { enum: ['session_created', 'session_lost', 'queue_overflow'] }).notNull(),
  /** Messages that were dropped, where the broker counts them. */
  messages: bigint('messages', { mode: 'number' }),
});

/** Payloads that could not be stored, kept for a day. */
export const telemetryRejects = pgTable(
  'telemetry_rejects',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    receivedAt: moment('received_at').notNull(),
    topic: text('topic').notNull(),
    deviceId: uuid('device_id'),
    reason: text('reason').notNull(),
    /** The first 4 KiB. */
    payload: bytea('payload').notNull(),
    payloadBytes: integer('payload_bytes').notNull(),
  },
  (table) => [
    index('telemetry_rejects_received_at').on(table.receivedAt),
    index('telemetry_rejects_device_id').on(table.deviceId, table.id),
  ],
);

/** Hours whose rollup is missing or stale. `claimed` ones are being rolled up; a row that arrives meanwhile marks it again. */
export const telemetryDirtyHours = pgTable(
  'telemetry_dirty_hours',
  {
    device: integer('device').notNull(),
    hour: moment('hour').notNull(),
    claimed: boolean('claimed').notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.device, table.hour, table.claimed] }),
    index('telemetry_dirty_hours_hour').on(table.hour),
  ],
);

/** The fields that a device has sent, as of the last hour that was rolled up. */
export const telemetryFields = pgTable(
  'telemetry_fields',
  {
    device: integer('device')
      .notNull()
      .references(() => telemetryDevices.key, { onDelete: 'cascade' }),
    field: text('field').notNull(),
    kind: text('kind').notNull(),
    lastAt: moment('last_at').notNull(),
    last: jsonb('last').notNull(),
  },
  (table) => [primaryKey({ columns: [table.device, table.field] })],
);

/** What a device last said about itself (`device/{id}/about`). */
export const deviceAbout = pgTable('device_about', {
  deviceId: uuid('device_id').primaryKey(),
  firmware: text('firmware'),
  board: text('board'),
  library: text('library'),
  resetReason: text('reset_reason'),
  /** Unit and kind by field. */
  fields: jsonb('fields').notNull().default({}),
  /** Arguments by command. */
  commands: jsonb('commands').notNull().default({}),
  receivedAt: moment('received_at').notNull(),
});
