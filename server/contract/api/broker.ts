import { z } from 'zod';

/** What a change did on the broker. Every answer that changes what the broker must know carries one. */
export const receipt = z.object({
  status: z
    .enum(['applied', 'queued'])
    .describe(
      'applied: in effect on the broker; queued: stored, and applied in order once the broker is reachable',
    ),
  steps: z.array(z.string()).describe('What was done on the broker, in order; empty if nothing was needed'),
  effectiveAfterMs: z
    .int()
    .nullable()
    .describe('Milliseconds until the change took effect; null while queued'),
  reason: z.string().optional().describe('Why the change is queued'),
});

export type Receipt = z.output<typeof receipt>;

const count = z.int();

/** What one run of the reconciliation found, and repaired unless it only inspected. */
export const reconcileReport = z.object({
  version: z.string().describe('Version of the broker'),
  differences: z.array(z.string()).describe('Settings that differed, in the order they were fixed'),
  devices: z
    .object({
      rulesAdded: count,
      rulesReplaced: count,
      rulesRemoved: count,
      bansAdded: count,
      bansLifted: count,
      sessionsEnded: count,
      subscriptionsEnded: count,
    })
    .describe('Differences in rules of paired devices, bans, sessions and subscriptions'),
  sessions: count.describe('Sessions of devices on the broker'),
  foreign: z
    .object({
      authenticators: z.array(z.string()),
      sources: z.array(z.string()),
      clientRules: count,
      bans: count,
    })
    .describe(
      'What the broker holds and the server did not create; it is left alone unless it opens the broker',
    ),
  warnings: z.array(z.string()).describe('Broker settings that are dangerous or unexpected'),
});

export type ReconcileReport = z.output<typeof reconcileReport>;

/** What the doctor looks at, in its order. */
export const brokerCheckNames = [
  'database',
  'broker_api',
  'mqtt',
  'settings',
  'devices',
  'queue',
  'warnings',
] as const;

const brokerCheck = z
  .object({
    name: z.enum(brokerCheckNames),
    title: z.string().describe('What is the case where the check is ok'),
    state: z
      .enum(['ok', 'failed', 'skipped'])
      .describe('skipped: database or broker did not answer, so that nothing could be compared'),
    found: z.array(z.string()).describe('What is wrong, a line each; empty unless the check failed'),
    next: z.string().nullable().describe('What to do about it; null unless the check failed'),
  })
  .meta({ id: 'BrokerCheck' });

/** What the doctor found; it changes nothing. */
export const brokerExamination = z.object({
  at: z.iso.datetime().describe('When the checks ended'),
  tookMs: z.int(),
  ok: z.boolean().describe('Whether every check is ok'),
  version: reconcileReport.shape.version
    .nullable()
    .describe('Version of the broker; null where it did not answer'),
  sessions: reconcileReport.shape.sessions
    .nullable()
    .describe('Sessions of devices on the broker; null where they could not be read'),
  foreign: reconcileReport.shape.foreign
    .nullable()
    .describe('What the broker holds and the server did not create; null where it could not be read'),
  checks: z.array(brokerCheck),
});

export type BrokerCheck = z.output<typeof brokerCheck>;
export type BrokerExamination = z.output<typeof brokerExamination>;

export const brokerStatus = z.object({
  connection: z.enum(['online', 'offline', 'refused']).describe("The server's own MQTT session"),
  pingMs: z
    .number()
    .nullable()
    .describe(
      'From the arrival of a PING at this instance until its PONG was sent, median of the last 100; null: none came',
    ),
  queuedChanges: z.int().describe('Changes waiting for the broker'),
  oldestChangeSeconds: z.int().nullable().describe('For how long the oldest of them has waited'),
  lastRun: z.object({
    state: z.enum(['never', 'ok', 'failed']),
    at: z.iso.datetime().nullable().describe('When the last run ended'),
    failure: z.string().nullable().describe('Why the last run failed'),
    report: reconcileReport.nullable().describe('What the last successful run found and fixed'),
  }),
  lastRepair: z
    .object({ at: z.iso.datetime(), report: reconcileReport })
    .nullable()
    .describe('The last run since the start of this instance that found something to fix'),
});

export type BrokerStatus = z.output<typeof brokerStatus>;
