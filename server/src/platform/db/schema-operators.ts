import { bigint, index, integer, jsonb, pgEnum, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { actorKinds, operatorRoles } from '../../../contract/roles.ts';
import { moment } from './schema-columns.ts';

export const operatorRole = pgEnum('operator_role', operatorRoles);
export const actorKind = pgEnum('actor_kind', actorKinds);

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
