import { z } from 'zod';
import { alertKinds, alertStates } from '../roles.ts';
import { pointInTime } from '../text.ts';
import { deviceId, deviceUuid } from '../uuid.ts';
import { countedPageOf, pageLimit } from './page.ts';

const time = z.iso.datetime();

export const alertResolutions = [
  'cleared',
  'device_inactive',
  'out_of_scope',
  'rule_changed',
  'rule_disabled',
  'rule_deleted',
] as const;

/** An alert, firing or resolved; rules are in `alert-rules.ts`. */
export const alert = z
  .object({
    id: z.int(),
    change: z.int().describe('Rises with every change of the alert: of two answers, the higher one is newer'),
    rule: z.object({
      id: z.uuid().nullable().describe('null: the rule was deleted'),
      name: z.string().describe('As it was when the alert fired'),
      kind: z.enum(alertKinds),
    }),
    device: z.object({ id: deviceId, name: z.string() }),
    state: z.enum(alertStates),
    message: z.string().describe('What is the case, in one sentence'),
    value: z.number().nullable().describe('The value, seconds or count that made it fire'),
    firedAt: time,
    resolvedAt: time.nullable(),
    resolution: z
      .enum(alertResolutions)
      .nullable()
      .describe('cleared: the condition is no longer met; the others: what ended the watch on the device'),
    acknowledgedAt: time.nullable(),
    acknowledgedBy: z.string().nullable(),
    silencedUntil: time
      .nullable()
      .describe(
        'The latest end of a silence of this alert, its rule or its device; null when none is in effect',
      ),
  })
  .meta({ id: 'Alert' });

export const alertQuery = z.object({
  state: z.enum(alertStates).optional(),
  acknowledged: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  rule: z.uuid().optional().describe('Id of a rule'),
  device: deviceUuid.optional(),
  from: pointInTime.optional().describe('Fired at or after this time'),
  to: pointInTime.optional().describe('Fired before this time'),
  limit: pageLimit,
});

export const alertPage = countedPageOf(alert).meta({ id: 'AlertPage' });

const NUMBER = /^[1-9]\d{0,14}$/;

export const alertPath = z.object({
  id: z
    .string()
    .max(64)
    .describe('Number of the alert')
    // What is no number names no alert.
    .transform((text) => (NUMBER.test(text) ? Number(text) : 0)),
});

/** What there is to look at now. */
export const alertSummary = z
  .object({
    firing: z.int(),
    unacknowledged: z.int().describe('Of those that fire'),
    silenced: z.int().describe('Of those that fire'),
    devices: z.int().describe('Devices with an alert that fires'),
    disabledChannels: z.int().describe('Channels that the server disabled because deliveries failed'),
  })
  .meta({ id: 'AlertSummary' });

export const alertSilence = z.strictObject({
  until: pointInTime
    .nullable()
    .describe('No messages before this time, at most a year ahead; null ends the silence'),
});

export const silenceAnswer = z.object({ silencedUntil: time.nullable() });

export type Alert = z.output<typeof alert>;
export type AlertQuery = z.output<typeof alertQuery>;
export type AlertResolution = (typeof alertResolutions)[number];
export type AlertSummary = z.output<typeof alertSummary>;
