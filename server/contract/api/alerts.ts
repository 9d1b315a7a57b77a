import { z } from 'zod';
import { alertKinds, alertStates } from '../roles.ts';
import { pointInTime } from '../text.ts';
import { deviceId, deviceUuid } from '../uuid.ts';
import { countedPageOf, pageLimit } from './page.ts';

const time = z.iso.datetime();

/** The history of alerts and what fires now; rules are in `alert-rules.ts`, channels in `alert-channels.ts`. */
export const alert = z
  .object({
    id: z.int(),
    change: z.int().describe('Rises with every change of any alert'),
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
      .enum(['cleared', 'device_inactive', 'out_of_scope', 'rule_changed', 'rule_disabled', 'rule_deleted'])
      .nullable(),
    acknowledgedAt: time.nullable(),
    acknowledgedBy: z.string().nullable(),
    silencedUntil: time.nullable().describe('Of this alert, its rule or its device, whichever is latest'),
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

export const alertPath = z.object({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });

/** What there is to look at now. */
export const alertSummary = z
  .object({
    firing: z.int(),
    unacknowledged: z.int().describe('Of those that fire'),
    silenced: z.int().describe('Of those that fire'),
    devices: z.int().describe('Devices with an alert that fires'),
    disabledChannels: z.int().describe('Channels that the server disabled because deliveries failed'),
    change: z.int().describe('The newest change of any alert'),
  })
  .meta({ id: 'AlertSummary' });

export const alertSilence = z.strictObject({
  until: pointInTime
    .nullable()
    .describe('No messages before this time, at most a year ahead; null ends the silence'),
});

export const silenceAnswer = z.object({ silencedUntil: time.nullable() });

export type Alert = z.output<typeof alert>;
export type AlertSummary = z.output<typeof alertSummary>;
