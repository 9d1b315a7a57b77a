import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  doublePrecision,
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
import { alertResolutions } from '../../../contract/api/alerts.ts';
import { alertKinds, alertRuleStates, channelKinds, deliveryStates } from '../../../contract/roles.ts';
import { changeMark, moment } from './schema-columns.ts';

export const alertKind = pgEnum('alert_kind', alertKinds);
export const alertRuleState = pgEnum('alert_rule_state', alertRuleStates);
export const alertResolution = pgEnum('alert_resolution', alertResolutions);
export const channelKind = pgEnum('channel_kind', channelKinds);
export const deliveryState = pgEnum('delivery_state', deliveryStates);

/**
 * One row: how often rules were changed. Whoever evaluates rules holds it (`for share`) until the transaction ends, and
 * whoever changes them raises it first: no rule changes while it is evaluated.
 */
export const alertRuleBook = pgTable('alert_rule_book', {
  id: integer('id').primaryKey(),
  revision: bigint('revision', { mode: 'number' }).notNull(),
});

export const alertRules = pgTable(
  'alert_rules',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    name: text('name').notNull(),
    enabled: boolean('enabled').notNull(),
    scopeKind: text('scope_kind', { enum: ['device', 'tag', 'all'] }).notNull(),
    scopeDevice: uuid('scope_device'),
    scopeTag: text('scope_tag'),
    kind: alertKind('kind').notNull(),
    condition: jsonb('condition').notNull(),
    /** Ids of the channels that are told. */
    channels: uuid('channels').array().notNull().default(sql`'{}'`),
    silencedUntil: moment('silenced_until'),
    version: integer('version').notNull().default(1),
    createdBy: text('created_by').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [index('alert_rules_created_at').on(table.createdAt, table.id)],
);

/** How a rule stands for a device. Without a row it is ok and waits for nothing. */
export const alertStates = pgTable(
  'alert_states',
  {
    ruleId: uuid('rule_id')
      .notNull()
      .references(() => alertRules.id, { onDelete: 'cascade' }),
    deviceId: uuid('device_id').notNull(),
    state: alertRuleState('state').notNull(),
    since: moment('since').notNull(),
    value: doublePrecision('value'),
    /** When it fires unless something arrives before: a duration that runs, or data that is missing by then. */
    dueAt: moment('due_at'),
  },
  (table) => [
    primaryKey({ columns: [table.ruleId, table.deviceId] }),
    index('alert_states_device_id').on(table.deviceId),
    index('alert_states_due_at').on(table.dueAt).where(sql`${table.dueAt} is not null`),
    index('alert_states_firing').on(table.ruleId).where(sql`${table.state} <> 'ok'`),
  ],
);

/** Alerts and their history. Outlives the rule and the device. */
export const alerts = pgTable(
  'alerts',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** Rises with every change that an operator can see. */
    change: integer('change').notNull().default(1),
    ruleId: uuid('rule_id').references(() => alertRules.id, { onDelete: 'set null' }),
    ruleName: text('rule_name').notNull(),
    kind: alertKind('kind').notNull(),
    deviceId: uuid('device_id').notNull(),
    /** As it was when the alert fired. */
    deviceName: text('device_name').notNull(),
    message: text('message').notNull(),
    value: doublePrecision('value'),
    firedAt: moment('fired_at').notNull().defaultNow(),
    resolvedAt: moment('resolved_at'),
    resolution: alertResolution('resolution'),
    acknowledgedAt: moment('acknowledged_at'),
    acknowledgedBy: text('acknowledged_by'),
    silencedUntil: moment('silenced_until'),
    /** Its state has to be told to the channels, once no silence is in effect. */
    untold: boolean('untold').notNull().default(true),
    /** Inserted, or `change` rose. */
    changedBy: changeMark('changed_by'),
  },
  (table) => [
    uniqueIndex('alerts_one_firing').on(table.ruleId, table.deviceId).where(sql`${table.resolvedAt} is null`),
    index('alerts_device_id').on(table.deviceId, table.id),
    index('alerts_rule_id').on(table.ruleId, table.id),
    index('alerts_fired_at').on(table.firedAt),
    index('alerts_resolved_at').on(table.resolvedAt).where(sql`${table.resolvedAt} is not null`),
    index('alerts_firing').on(table.id).where(sql`${table.resolvedAt} is null`),
    index('alerts_untold').on(table.id).where(sql`${table.untold}`),
    index('alerts_changed_by').on(table.changedBy),
  ],
);

/** Devices of which no messages are sent for a while. */
export const alertDeviceSilences = pgTable('alert_device_silences', {
  deviceId: uuid('device_id').primaryKey(),
  until: moment('until').notNull(),
});

/** Records that a device lost, by the minute in which that was noticed; negative where more arrived late. Kept for a day. */
export const alertLosses = pgTable(
  'alert_losses',
  {
    deviceId: uuid('device_id').notNull(),
    minute: moment('minute').notNull(),
    lost: bigint('lost', { mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.deviceId, table.minute] }),
    index('alert_losses_minute').on(table.minute),
  ],
);

/** Devices with records that were stored without being evaluated, because a rule failed on them. */
export const alertUnevaluated = pgTable('alert_unevaluated', {
  deviceId: uuid('device_id').primaryKey(),
  /** When the first of them arrived. */
  received: moment('received').notNull(),
});

/** Where alerts are delivered. */
export const alertChannels = pgTable(
  'alert_channels',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    name: text('name').notNull(),
    kind: channelKind('kind').notNull(),
    /** Without secrets. */
    target: jsonb('target').notNull(),
    /** What signs webhooks, or the access token of ntfy. */
    secret: text('secret'),
    /** What signs webhooks as well until then: the secret that was replaced. */
    formerSecret: text('former_secret'),
    formerSecretUntil: moment('former_secret_until'),
    enabled: boolean('enabled').notNull(),
    /** Why the server disabled it. */
    notice: text('notice'),
    /** When alerts were last collected into a message. */
    collectedAt: moment('collected_at'),
    lastDeliveredAt: moment('last_delivered_at'),
    lastFailedAt: moment('last_failed_at'),
    lastError: text('last_error'),
    version: integer('version').notNull().default(1),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [index('alert_channels_created_at').on(table.createdAt, table.id)],
);

/** Messages to channels, each with the alerts that were collected into it. */
export const alertMessages = pgTable(
  'alert_messages',
  {
    /** The `webhook-id`, fixed before the first attempt. */
    id: text('id').primaryKey(),
    seq: bigint('seq', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => alertChannels.id, { onDelete: 'cascade' }),
    state: deliveryState('state').notNull().default('queued'),
    /** What is sent, as JSON. */
    content: text('content').notNull(),
    title: text('title').notNull(),
    alerts: integer('alerts').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: moment('next_attempt_at').notNull().defaultNow(),
    /** Until then an instance is sending it. */
    claimedUntil: moment('claimed_until'),
    finishedAt: moment('finished_at'),
    /** HTTP status of the last attempt. */
    status: integer('status'),
    error: text('error'),
  },
  (table) => [
    index('alert_messages_channel_id').on(table.channelId, table.seq),
    index('alert_messages_queued').on(table.nextAttemptAt).where(sql`${table.state} = 'queued'`),
    index('alert_messages_finished_at').on(table.finishedAt).where(sql`${table.finishedAt} is not null`),
  ],
);

/** What channels are to be told: written in the transaction in which an alert fires or is resolved. */
export const alertOutbox = pgTable(
  'alert_outbox',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => alertChannels.id, { onDelete: 'cascade' }),
    alertId: bigint('alert_id', { mode: 'number' })
      .notNull()
      .references(() => alerts.id, { onDelete: 'cascade' }),
    createdAt: moment('created_at').notNull().defaultNow(),
    /** The message that it was collected into. */
    messageId: text('message_id').references(() => alertMessages.id, { onDelete: 'cascade' }),
  },
  (table) => [
    index('alert_outbox_alert_id').on(table.alertId, table.channelId),
    index('alert_outbox_waiting').on(table.channelId).where(sql`${table.messageId} is null`),
    index('alert_outbox_message_id').on(table.messageId).where(sql`${table.messageId} is not null`),
  ],
);
