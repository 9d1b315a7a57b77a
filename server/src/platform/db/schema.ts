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
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core';
import { actorKinds, deviceRoles, deviceStates, operatorRoles } from '../../../contract/roles.ts';

export const deviceRole = pgEnum('device_role', deviceRoles);
export const deviceState = pgEnum('device_state', deviceStates);
export const operatorRole = pgEnum('operator_role', operatorRoles);
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
  },
  (table) => [
    index('devices_created_at').on(table.createdAt, table.id),
    index('devices_name').on(table.name, table.id),
    index('devices_last_seen_at').on(table.lastSeenAt, table.id),
    index('devices_master_id').on(table.masterId).where(sql`${table.masterId} is not null`),
    index('devices_connected_at').on(table.connectedAt).where(sql`${table.connectedAt} is not null`),
    index('devices_not_active').on(table.state).where(sql`${table.state} <> 'active'`),
    check('devices_generation_positive', sql`${table.generation} >= 1`),
    check('devices_only_agents_have_masters', sql`${table.masterId} is null or ${table.role} = 'agent'`),
  ],
);

/** Generations of deleted devices, so that one that registers again starts above them and old tokens stay invalid. */
export const retiredDevices = pgTable('retired_devices', {
  id: uuid('id').primaryKey(),
  generation: integer('generation').notNull(),
});

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

/** Work that one instance does at a time, held until it expires (by the database's clock). */
export const leases = pgTable('leases', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  expiresAt: moment('expires_at').notNull(),
  /** When work was last finished under it, and what came out, for the instances that did not do it. */
  finishedAt: moment('finished_at'),
  result: jsonb('result'),
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
