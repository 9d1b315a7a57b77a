import { Hono } from 'hono';
import { z } from 'zod';
import type { ApiEnv } from '../http/actor.ts';
import { cursor, cutPage, pageLimit, pageOf } from '../http/cursor.ts';
import { describeOperation } from '../http/describe.ts';
import { validate } from '../http/validate.ts';
import { LATEST_MS, plainText, pointInTime } from '../http/values.ts';
import type { Queryable } from '../platform/db/client.ts';
import { actorKind } from '../platform/db/schema.ts';
import { type AuditRecord, readAudit } from './store.ts';

/** The audit log for operators. */
export function createAudit(deps: { readonly db: Queryable }) {
  return { operatorRoutes: auditRoutes(deps.db) };
}

const values = z.record(z.string(), z.unknown()).nullable();

const auditEntry = z
  .object({
    id: z.int(),
    at: z.iso.datetime(),
    actorKind: z.enum(actorKind.enumValues),
    actor: z
      .string()
      .describe('User name of an operator, name of an API key, UUID of a device, or part of the server'),
    address: z.string().nullable(),
    requestId: z.string().nullable(),
    action: z.string(),
    subject: z.string().nullable().describe('Id of what the event is about'),
    before: values,
    after: values,
  })
  .meta({ id: 'AuditEntry' });

const query = z.object({
  actor: plainText(128).optional().describe('Exactly as in the entries'),
  action: plainText(64)
    .optional()
    .describe('An action such as `device.revoked`, or with a dot at its end all of one subject: `device.`'),
  subject: plainText(128).optional().describe('Id of what the event is about'),
  from: pointInTime.optional().describe('No earlier than this'),
  to: pointInTime.optional().describe('Earlier than this'),
  limit: pageLimit,
  cursor: cursor(z.tuple([z.int().min(0).max(LATEST_MS), z.int()])),
});

function auditRoutes(db: Queryable) {
  return new Hono<ApiEnv>().get(
    '/audit',
    describeOperation({
      id: 'listAudit',
      tag: 'Audit',
      summary: 'Query the audit log, newest first',
      answer: pageOf(auditEntry),
      problems: ['bad-request'],
    }),
    validate('query', query),
    async (c) => {
      const { limit, cursor: behind, ...filter } = c.req.valid('query');
      const rows = await readAudit(
        db,
        {
          actor: filter.actor,
          action: filter.action,
          subject: filter.subject,
          from: filter.from,
          to: filter.to,
          behind: behind && { at: new Date(behind[0]), id: behind[1] },
        },
        limit + 1,
      );
      const page = cutPage(rows, limit, (last) => [last.at.getTime(), last.id]);
      return c.json({ items: page.rows.map(toEntry), next: page.next });
    },
  );
}

function toEntry(row: AuditRecord): z.output<typeof auditEntry> {
  return {
    id: row.id,
    at: row.at.toISOString(),
    actorKind: row.actorKind,
    actor: row.actor,
    address: row.address,
    requestId: row.requestId,
    action: row.action,
    subject: row.subject,
    before: values.parse(row.before),
    after: values.parse(row.after),
  };
}
