import { z } from 'zod';
import { actorKinds } from '../roles.ts';
import { timeZone } from '../time-zone.ts';
import { auditValues } from './audit.ts';
import { pageLimit, pageOf } from './page.ts';

const time = z.iso.datetime();

/** Sessions of one device that begin within 10 minutes and make it a flapping one. */
export const FLAPPING_CONNECTS = 5;

export const deviceSession = z
  .object({
    connectedAt: time,
    disconnectedAt: time.nullable().describe('null while the session is up'),
    reason: z.string().nullable().describe('Why it ended, as the broker names it; `missed`: nobody saw it'),
    why: z.string().nullable().describe('The same in words'),
    address: z.string().nullable(),
    keepAliveSeconds: z.int().nullable(),
  })
  .meta({ id: 'DeviceSession' });

export const sessionQuery = z.object({ limit: pageLimit });
export const sessionPage = pageOf(deviceSession);

export const presenceQuery = z.object({
  days: z.coerce.number().int().min(1).max(90).default(7).describe('Days of uptime, today included'),
  zone: timeZone
    .default('UTC')
    .describe('Time zone of the IANA database whose days are counted, such as Europe/Berlin'),
});

export const presenceAnswer = z.object({
  online: z.boolean(),
  lastSeenAt: time.nullable(),
  session: deviceSession.nullable().describe('The newest one'),
  lastRefusal: z
    .object({
      at: time,
      reason: z.string().describe('bad_credential, superseded, wrong_device or wrong_role'),
      address: z.string().nullable(),
    })
    .nullable()
    .describe('The last credential for this device that was refused, of those in the audit log: one an hour'),
  connects: z.int().describe('Sessions that began in the last 10 minutes'),
  flapping: z.boolean().describe(`${FLAPPING_CONNECTS} or more sessions began in the last 10 minutes`),
  conflict: z
    .boolean()
    .describe('3 or more sessions of the last 10 minutes were taken over: two devices may have this UUID'),
  zone: z.string().describe('Time zone of the days of `uptime`'),
  uptime: z
    .array(
      z.object({
        day: z.iso.date(),
        seconds: z.int().describe('Seconds for which the device was connected'),
        passed: z.int().describe('Seconds of the day until now; 23 or 25 hours where the clock was changed'),
      }),
    )
    .describe('By day, oldest first'),
});

export const diagnosisAnswer = z.object({
  state: z.enum(['ok', 'attention', 'problem']),
  message: z.string().describe('What is the case'),
  next: z.string().nullable().describe('What to do about it'),
});

/** What a timeline can be narrowed to. */
export const timelineKinds = ['change', 'refusal', 'session', 'command', 'alert'] as const;
const timelineKind = z
  .enum(timelineKinds)
  .describe(
    'change: by operators, the device or the server; refusal: of a credential or a pairing; session, command, alert: what happened to those, acknowledgements and silences included',
  );

export const timelineQuery = z.object({ limit: pageLimit, kind: timelineKind.optional() });

const text = z.string().nullable();

/** Each event has what applies to it; the rest is absent. */
const timelineDetail = z
  .object({
    actorKind: z.enum(actorKinds).describe('Who did it, as in the audit log'),
    actor: z.string(),
    requestId: text,
    address: text.describe('Where the request or the connection came from'),
    before: auditValues,
    after: auditValues,
    keepAliveSeconds: z.int().nullable(),
    seconds: z.int().describe('How long the session that ended was up'),
    reason: text.describe('Why the session ended, as the broker names it; `missed`: nobody saw it'),
    why: text.describe('The same in words'),
    command: z.string().describe('Id of the command'),
    c: z.string().describe('Name of the command'),
    error: text.describe('What the device answered to a command that failed'),
    alert: z.int(),
    rule: z.string().describe('Name of the alert rule'),
    ruleId: text.describe('null when the rule was deleted'),
    message: z.string().describe('What the alert says'),
    resolution: text.describe('How the alert ended'),
  })
  .partial();

export const timelinePage = pageOf(
  z
    .object({
      id: z.string().describe('Tells the event from every other one about the device'),
      at: time,
      kind: timelineKind,
      what: z
        .string()
        .describe(
          'An action of the audit log; session.began, session.ended; command.done, .failed, .expired; alert.fired, .resolved',
        ),
      detail: timelineDetail,
    })
    .meta({ id: 'TimelineEvent' }),
);

export type PresenceAnswer = z.output<typeof presenceAnswer>;
export type DeviceSession = z.output<typeof deviceSession>;
export type Diagnosis = z.output<typeof diagnosisAnswer>;
export type TimelineKind = z.output<typeof timelineKind>;
export type TimelineEvent = z.output<typeof timelinePage>['items'][number];
