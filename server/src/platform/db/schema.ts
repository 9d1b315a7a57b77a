import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { commandStates, deviceRoles, deviceStates } from '../../../contract/roles.ts';
import { changeMark, moment } from './schema-columns.ts';

export * from './schema-alerts.ts';
export * from './schema-operators.ts';
export * from './schema-telemetry.ts';

export const deviceRole = pgEnum('device_role', deviceRoles);
export const deviceState = pgEnum('device_state', deviceStates);
export const commandState = pgEnum('command_state', commandStates);

export const devices = pgTable(
  'devices',
  {
    id: uuid('id').primaryKey(),
    role: deviceRole('role').notNull(),
    state: deviceState('state').notNull(),
    /** Carried by every token; raising it invalidates all tokens issued before. */
    generation: integer('generation').notNull().default(1),
    /** What the device key is derived with; raising it replaces the key. */
    keyNumber: integer('key_number').notNull().default(0),
    /** The master that an agent is paired with. */
    masterId: uuid('master_id').references((): AnyPgColumn => devices.id, { onDelete: 'set null' }),
    name: text('name').notNull().default(''),
    /** What searches compare with: `ilike` would fold every name again for each of them. */
    nameFolded: text('name_folded').notNull().generatedAlwaysAs(sql`lower(name)`),
    notes: text('notes').notNull().default(''),
    tags: text('tags').array().notNull().default(sql`'{}'`),
    /** Rises with every change that an operator can see; the entity tag of the HTTP API. */
    version: integer('version').notNull().default(1),
    createdAt: moment('created_at').notNull(),
    lastSeenAt: moment('last_seen_at'),
    /** When the session that is up now began, by the broker's clock; null while the device is offline. */
    connectedAt: moment('connected_at'),
    /** When the newest session of which an event arrived began; events of older sessions change nothing. */
    lastSessionAt: moment('last_session_at'),
    /** When either was learnt last, by the database's clock. */
    sessionNotedAt: moment('session_noted_at'),
    /** Registered, or `version` rose. */
    changedBy: changeMark('changed_by'),
    /** `connectedAt` changed. */
    presenceChangedBy: changeMark('presence_changed_by'),
  },
  (table) => [
    index('devices_changed_by').on(table.changedBy),
    index('devices_presence_changed_by').on(table.presenceChangedBy),
    index('devices_created_at').on(table.createdAt, table.id),
    index('devices_name').on(table.name, table.id),
    index('devices_last_seen_at').on(table.lastSeenAt, table.id),
    index('devices_master_id').on(table.masterId).where(sql`${table.masterId} is not null`),
    index('devices_connected_at').on(table.connectedAt).where(sql`${table.connectedAt} is not null`),
    index('devices_not_active').on(table.state).where(sql`${table.state} <> 'active'`),
    check('devices_generation_positive', sql`${table.generation} >= 1`),
    check('devices_key_number_not_negative', sql`${table.keyNumber} >= 0`),
    check('devices_only_agents_have_masters', sql`${table.masterId} is null or ${table.role} = 'agent'`),
  ],
);

/** Generations and key numbers of deleted devices, so that old tokens and keys stay invalid when one registers again. */
export const retiredDevices = pgTable(
  'retired_devices',
  {
    id: uuid('id').primaryKey(),
    generation: integer('generation').notNull(),
    keyNumber: integer('key_number').notNull().default(0),
    changedBy: changeMark('changed_by'),
  },
  (table) => [index('retired_devices_changed_by').on(table.changedBy)],
);

/** Sessions of devices on the broker, as its events told of them. Kept for 90 days. */
export const deviceSessions = pgTable(
  'device_sessions',
  {
    deviceId: uuid('device_id')
      .notNull()
      .references(() => devices.id, { onDelete: 'cascade' }),
    /** By the broker's clock, like the end. */
    connectedAt: moment('connected_at').notNull(),
    disconnectedAt: moment('disconnected_at'),
    /** As the broker names it; `missed` where its event was not seen. */
    reason: text('reason'),
    address: text('address'),
    keepAlive: integer('keep_alive'),
    /** When the session was learnt of, by the database's clock. */
    notedAt: moment('noted_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.deviceId, table.connectedAt] }),
    index('device_sessions_noted_at').on(table.notedAt),
  ],
);

/** MQTT user names (`<uuid>.<generation>`) that the broker refuses until their last token has expired. */
export const usernameBans = pgTable(
  'username_bans',
  {
    username: text('username').primaryKey(),
    deviceId: uuid('device_id').notNull(),
    until: moment('until').notNull(),
  },
  (table) => [
    index('username_bans_device_id').on(table.deviceId),
    index('username_bans_until').on(table.until),
  ],
);

/** One-time codes by which an agent agrees to be paired; hashed, one an agent. */
export const pairingCodes = pgTable('pairing_codes', {
  agentId: uuid('agent_id')
    .primaryKey()
    .references(() => devices.id, { onDelete: 'cascade' }),
  codeHash: text('code_hash').notNull(),
  expiresAt: moment('expires_at').notNull(),
  failedAttempts: integer('failed_attempts').notNull().default(0),
});

/** Devices to sync to the broker, in order; written in the transaction of the change. */
export const brokerChanges = pgTable('broker_changes', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  deviceId: uuid('device_id').notNull(),
  reason: text('reason').notNull(),
  /** Takes rights away: before everything else. */
  urgent: boolean('urgent').notNull().default(false),
  createdAt: moment('created_at').notNull(),
});

/** Commands that were asked for together. Their rows are the truth about their progress. */
export const commandGroups = pgTable(
  'command_groups',
  {
    id: text('id').primaryKey(),
    seq: bigint('seq', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    name: text('name').notNull(),
    /** Tag, master or devices, as it was asked for. */
    target: jsonb('target').notNull(),
    idempotencyKey: text('idempotency_key').unique(),
    requestHash: text('request_hash').notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    expiresAt: moment('expires_at').notNull(),
    cancelledAt: moment('cancelled_at'),
    /** Commands that were queued. */
    total: integer('total').notNull(),
    /** Devices that got none, by reason. */
    refused: jsonb('refused').notNull(),
  },
  (table) => [
    index('command_groups_seq').on(table.seq),
    index('command_groups_expires_at').on(table.expiresAt),
  ],
);

/** Commands to devices. The row is the truth: what is not answered, expired or cancelled is sent (again) from it. */
export const commands = pgTable(
  'commands',
  {
    /** `i` of the message. */
    id: text('id').primaryKey(),
    /** Their order; of one device, also that of their transactions. */
    seq: bigint('seq', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    deviceId: uuid('device_id')
      .notNull()
      .references(() => devices.id, { onDelete: 'cascade' }),
    groupId: text('group_id').references(() => commandGroups.id, { onDelete: 'set null' }),
    name: text('name').notNull(),
    /** The message as it is published. */
    payload: text('payload').notNull(),
    state: commandState('state').notNull().default('queued'),
    idempotencyKey: text('idempotency_key'),
    /** SHA-256 of what was asked for, by which a repeated request is told from another one with the same key. */
    requestHash: text('request_hash').notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    expiresAt: moment('expires_at').notNull(),
    /** How often it was published, the attempt under way included; those that nobody listened to are taken off. */
    attempts: integer('attempts').notNull().default(0),
    attemptedAt: moment('attempted_at'),
    nextAttemptAt: moment('next_attempt_at').notNull().defaultNow(),
    /** Until then an instance is publishing it. */
    claimedUntil: moment('claimed_until'),
    sentAt: moment('sent_at'),
    finishedAt: moment('finished_at'),
    repliedAt: moment('replied_at'),
    replies: integer('replies').notNull().default(0),
    /** `r` of the first reply, as JSON. */
    result: text('result'),
    /** `m` of the first reply, or why it was not sent. */
    error: text('error'),
    /** Created, or `state` changed. */
    changedBy: changeMark('changed_by'),
  },
  (table) => [
    index('commands_changed_by').on(table.changedBy),
    index('commands_group_id').on(table.groupId).where(sql`${table.groupId} is not null`),
    uniqueIndex('commands_one_in_flight').on(table.deviceId).where(sql`${table.state} = 'sent'`),
    uniqueIndex('commands_idempotency_key')
      .on(table.deviceId, table.idempotencyKey)
      .where(sql`${table.idempotencyKey} is not null`),
    index('commands_device_id').on(table.deviceId, table.seq),
    index('commands_open').on(table.nextAttemptAt).where(sql`${table.state} in ('queued', 'sent')`),
    index('commands_finished_at').on(table.finishedAt).where(sql`${table.finishedAt} is not null`),
  ],
);

/** Replies that name no command of their device: how many, and the newest of each device. */
export const unknownReplies = pgTable('unknown_replies', {
  deviceId: uuid('device_id').primaryKey(),
  count: bigint('count', { mode: 'number' }).notNull(),
  lastAt: moment('last_at').notNull(),
  last: text('last').notNull(),
});

/**
 * Work that one instance does at a time: fenced leases (`fenced-lease.ts`: `expires_at`, `epoch`, `claims`), and the last run
 * of what is done under an advisory lock (`advisory-lock.ts`: `finished_at`, `result`), which holds no lease.
 */
export const leases = pgTable('leases', {
  name: text('name').primaryKey(),
  /** Who has the lease, or made the last run. */
  holder: text('holder').notNull(),
  /** By the database's clock. */
  expiresAt: moment('expires_at').notNull(),
  /** When work was last finished under it, and what came out, for the instances that did not do it. */
  finishedAt: moment('finished_at'),
  result: jsonb('result'),
  /** Rises each time that the lease changes hands; what a former holder writes is refused by it. */
  epoch: bigint('epoch', { mode: 'number' }).notNull().default(0),
  /** Rises each time that marks made under the lease were claimed; who remembers older marks has to make them again. */
  claims: bigint('claims', { mode: 'number' }).notNull().default(0),
});

/** What may happen only so often in a window of time, counted across all instances: one row a name. */
export const quotas = pgTable('quotas', {
  name: text('name').primaryKey(),
  windowStart: moment('window_start').notNull(),
  used: integer('used').notNull(),
});
