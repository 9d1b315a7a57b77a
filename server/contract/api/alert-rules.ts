import { z } from 'zod';
import { alertRuleStates } from '../roles.ts';
import { plainText } from '../text.ts';
import { deviceId, deviceUuid } from '../uuid.ts';
import { deviceTag } from './device-values.ts';
import { pageLimit, pageOf } from './page.ts';

export const MAX_ALERT_RULES = 200;
/** Devices and alerts that a preview names. */
export const MAX_PREVIEW_DEVICES = 200;
export const MAX_PREVIEW_ALERTS = 200;
const MAX_CHANNELS_OF_RULE = 10;
const DAY_SECONDS = 86_400;
const WEEK_SECONDS = 7 * DAY_SECONDS;
const DAY_MINUTES = 1_440;

const time = z.iso.datetime();
const field = plainText(200).min(1);
const name = plainText(100).trim().min(1);

const tagged = z.strictObject({ kind: z.literal('tag'), tag: deviceTag });
const everywhere = z.strictObject({ kind: z.literal('all') });

/** The devices that a rule watches; of them only active ones. */
const givenScope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('device'), device: deviceUuid }),
  tagged,
  everywhere,
]);
export const alertScope = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('device'), device: deviceId }),
    tagged,
    everywhere,
  ])
  .meta({ id: 'AlertScope' });

const threshold = z.strictObject({
  kind: z.literal('threshold'),
  field: field.describe('Name of a numeric field of the records'),
  direction: z.enum(['above', 'below']),
  value: z.number().describe('Fires beyond this value; the value itself does not fire'),
  clear: z
    .number()
    .optional()
    .describe('Resolves when back at this value or beyond it; `value` unless given'),
  forSeconds: z
    .int()
    .min(0)
    .max(DAY_SECONDS)
    .default(0)
    .describe('Fires when the value has stayed beyond for so long'),
});

/** What has to be the case for a rule to fire. */
export const alertCondition = z
  .discriminatedUnion('kind', [
    threshold,
    z.strictObject({
      kind: z.literal('missing'),
      seconds: z
        .int()
        .min(30)
        .max(WEEK_SECONDS)
        .describe(
          'No record was received for so long, or up to a twentieth (at most a minute) longer; counts from the first record of a device',
        ),
      field: field.optional().describe('Counts only records that have this field'),
    }),
    z.strictObject({
      kind: z.literal('offline'),
      seconds: z
        .int()
        .min(0)
        .max(WEEK_SECONDS)
        .describe('Has had no session for longer than this; counts from the first session of a device'),
    }),
    z.strictObject({
      kind: z.literal('flapping'),
      connects: z
        .int()
        .min(2)
        .max(1_000)
        .describe('So many sessions began within `minutes`; resolves when fewer than half as many did'),
      minutes: z.int().min(1).max(DAY_MINUTES),
    }),
    z.strictObject({
      kind: z.literal('lost'),
      count: z
        .int()
        .min(1)
        .max(1_000_000)
        .describe(
          'So many records were lost within `minutes`, or up to a minute longer; resolves when fewer than half as many were',
        ),
      minutes: z.int().min(1).max(DAY_MINUTES),
    }),
  ])
  .superRefine((given, context) => {
    if (given.kind !== 'threshold' || given.clear === undefined) return;
    const beyond = given.direction === 'above' ? given.clear > given.value : given.clear < given.value;
    if (!beyond) return;
    const message = given.direction === 'above' ? 'must not be above `value`' : 'must not be below `value`';
    context.addIssue({ code: 'custom', path: ['clear'], message });
  })
  .meta({ id: 'AlertCondition' });

const channels = z
  .array(z.uuid())
  .max(MAX_CHANNELS_OF_RULE)
  .transform((ids) => [...new Set(ids)])
  .describe('Ids of the channels that are told');

export const newAlertRule = z.strictObject({
  name,
  enabled: z.boolean().default(true),
  scope: givenScope,
  condition: alertCondition,
  channels: channels.default([]),
});

export const alertRuleChange = z
  .strictObject({
    name: name.optional(),
    enabled: z.boolean().optional().describe('Disabling a rule resolves its alerts'),
    scope: givenScope.optional().describe('Resolves the alerts of devices that are no longer watched'),
    condition: alertCondition
      .optional()
      .describe('Replaces the condition and resolves the alerts of the rule'),
    channels: channels.optional(),
  })
  .meta({ minProperties: 1 })
  .refine((given) => Object.values(given).some((value) => value !== undefined), 'must change something');

export const alertRule = z
  .object({
    id: z.uuid(),
    name: z.string(),
    enabled: z.boolean(),
    scope: alertScope,
    condition: alertCondition,
    channels: z.array(z.uuid()),
    silencedUntil: time.nullable(),
    firing: z.int().describe('Devices for which it fires'),
    pending: z.int().describe('Devices whose duration is running'),
    version: z.int().describe('Incremented by every change; the entity tag'),
    createdBy: z.string(),
    createdAt: time,
  })
  .meta({ id: 'AlertRule' });

export const alertRulePath = z.object({ id: z.uuid() });

export const alertRuleList = z.object({ items: z.array(alertRule) });

export const alertRuleState = z
  .object({
    device: deviceId,
    state: z.enum(alertRuleStates),
    since: time,
    value: z.number().nullable().describe('The value, seconds or count that led to this state'),
  })
  .meta({ id: 'AlertRuleState' });

/** Devices that have never been pending or firing may be missing in it: they are ok. */
export const alertRuleStateQuery = z.object({ limit: pageLimit });
export const alertRuleStatePage = pageOf(alertRuleState);

/** Which rule to try on the last 24 hours. */
export const alertPreviewRequest = z.strictObject({ scope: givenScope, condition: alertCondition });

export const alertPreview = z
  .object({
    from: time,
    to: time,
    devices: z.int().describe('Active devices in the scope'),
    examined: z.int().describe(`Devices that were examined, at most ${MAX_PREVIEW_DEVICES}`),
    fired: z.int().describe('How often it would have fired'),
    truncated: z.boolean().describe('Not all devices, records or alerts are in this answer'),
    alerts: z
      .array(
        z.object({
          device: deviceId,
          firedAt: time,
          resolvedAt: time.nullable().describe('null: it would fire now'),
          value: z.number().nullable(),
        }),
      )
      .describe(`The newest first, at most ${MAX_PREVIEW_ALERTS}`),
  })
  .meta({ id: 'AlertPreview' });

export type NewAlertRule = z.output<typeof newAlertRule>;
export type AlertRuleChange = z.output<typeof alertRuleChange>;
export type AlertScope = z.output<typeof alertScope>;
export type AlertCondition = z.output<typeof alertCondition>;
export type AlertRule = z.output<typeof alertRule>;
export type AlertRuleStateAnswer = z.output<typeof alertRuleState>;
export type AlertPreview = z.output<typeof alertPreview>;
