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
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import {
  actorKinds,
  commandStates,
  deviceRoles,
  deviceStates,
  operatorRoles,
} from '../../../contract/roles.ts';

export * from './schema-telemetry.ts';

export const deviceRole = pgEnum('device_role', deviceRoles);
export const deviceState = pgEnum('device_state', deviceStates);
export const operatorRole = pgEnum('operator_role', operatorRoles);
export const commandState = pgEnum('command_state', commandStates);
export const actorKind = pgEnum('actor_kind', actorKinds);

function moment(name: string) {
  return timestamp(name, { withTimezone: true });
}

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
  },
  (table) => [
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
export const retiredDevices = pgTable('retired_devices', {
  id: uuid('id').primaryKey(),
  generation: integer('generation').notNull(),
  keyNumber: integer('key_number').notNull().default(0),
});

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
  },
  (table) => [
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

export const operators = pgTable('operators', {
  id: uuid('id').primaryKey().defaultRandom(),
  /** Lower case. */
  username: text('username').notNull().unique(),
  /** argon2id, as `Bun.password` writes it. */
  passwordHash: text('password_hash').notNull(),
  role: operatorRole('role').notNull(),
  /** Rises with every change; the entity tag of the HTTP API. */
  version: integer('version').notNull().default(1),
  createdAt: moment('created_at').notNull(),
});

export const operatorSessions = pgTable(
  'operator_sessions',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    operatorId: uuid('operator_id')
      .notNull()
      .references(() => operators.id, { onDelete: 'cascade' }),
    /** SHA-256 of the cookie, hexadecimal. */
    tokenHash: text('token_hash').notNull().unique(),
    createdAt: moment('created_at').notNull(),
    lastUsedAt: moment('last_used_at').notNull(),
    /** The session ends then, used or not. */
    expiresAt: moment('expires_at').notNull(),
    address: text('address').notNull(),
    userAgent: text('user_agent').notNull(),
  },
  (table) => [index('operator_sessions_operator_id').on(table.operatorId)],
);

export const apiKeys = pgTable('api_keys', {
  id: uuid('id').primaryKey().defaultRandom(),
  /** Names its holder in the audit log. */
  name: text('name').notNull().unique(),
  /** SHA-256 of the key, hexadecimal. */
  keyHash: text('key_hash').notNull().unique(),
  /** First characters of the key, to recognise it by. */
  prefix: text('prefix').notNull(),
  role: operatorRole('role').notNull(),
  createdBy: uuid('created_by').references(() => operators.id, { onDelete: 'set null' }),
  createdAt: moment('created_at').notNull(),
  expiresAt: moment('expires_at'),
  lastUsedAt: moment('last_used_at'),
});

/** Append-only: a trigger refuses every update, delete and truncate. */
export const auditLog = pgTable(
  'audit_log',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: moment('at').notNull(),
    actorKind: actorKind('actor_kind').notNull(),
    /** User name, name of an API key, device UUID, or the part of the server. */
    actor: text('actor').notNull(),
    /** Address of the client, where a request caused the event. */
    address: text('address'),
    requestId: text('request_id'),
    /** `<subject>.<past participle>`, such as `device.revoked`. */
    action: text('action').notNull(),
    /** Id of what the event is about. */
    subject: text('subject'),
    before: jsonb('before'),
    after: jsonb('after'),
  },
  (table) => [
    index('audit_log_at').on(table.at, table.id),
    index('audit_log_subject').on(table.subject, table.id),
    index('audit_log_actor').on(table.actor, table.id),
    index('audit_log_action').on(table.action, table.id),
  ],
);
