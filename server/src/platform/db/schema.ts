import { sql } from 'drizzle-orm';
import { check, index, integer, pgEnum, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';

export const deviceRole = pgEnum('device_role', ['master', 'agent']);
export const deviceState = pgEnum('device_state', ['pending', 'active', 'revoked']);

export type DeviceRole = (typeof deviceRole.enumValues)[number];
export type DeviceState = (typeof deviceState.enumValues)[number];

export const devices = pgTable(
  'devices',
  {
    id: uuid('id').primaryKey(),
    role: deviceRole('role').notNull(),
    state: deviceState('state').notNull(),
    /** Carried by every token; raising it invalidates all tokens issued before. */
    generation: integer('generation').notNull().default(1),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
    lastSeenAt: timestamp('last_seen_at', { withTimezone: true }),
  },
  (table) => [
    index('devices_created_at').on(table.createdAt, table.id),
    check('devices_generation_positive', sql`${table.generation} >= 1`),
  ],
);

/** What may happen only so often in a window of time, counted across all instances: one row a name. */
export const quotas = pgTable('quotas', {
  name: text('name').primaryKey(),
  windowStart: timestamp('window_start', { withTimezone: true }).notNull(),
  used: integer('used').notNull(),
});
