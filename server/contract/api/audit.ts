import { z } from 'zod';
import { actorKinds } from '../roles.ts';
import { plainText, pointInTime } from '../text.ts';
import { pageLimit } from './page.ts';

/** What the log keeps of a subject, before or after the event. */
export const auditValues = z.record(z.string(), z.unknown()).nullable();

export const auditEntry = z
  .object({
    id: z.int(),
    at: z.iso.datetime(),
    actorKind: z.enum(actorKinds),
    actor: z
      .string()
      .describe('User name of an operator, name of an API key, UUID of a device, or part of the server'),
    address: z.string().nullable(),
    requestId: z.string().nullable(),
    action: z.string(),
    subject: z.string().nullable().describe('Id of the resource that the event is about'),
    before: auditValues,
    after: auditValues,
  })
  .meta({ id: 'AuditEntry' });

export type AuditEntryAnswer = z.output<typeof auditEntry>;

/** Which entries `GET /audit` and its export answer. */
export const auditFilter = z.object({
  actor: plainText(128).optional().describe('Exact match'),
  action: plainText(64)
    .optional()
    .describe('An action such as `device.revoked`, or a prefix ending in a dot: `device.`'),
  subject: plainText(128).optional().describe('Id of the resource that the event is about'),
  from: pointInTime.optional().describe('At or after this time'),
  to: pointInTime.optional().describe('Before this time'),
});

/** The query of `GET /audit`, but for the cursor. */
export const auditQuery = auditFilter.extend({ limit: pageLimit });
