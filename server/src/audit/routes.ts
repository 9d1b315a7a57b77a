import { Hono } from 'hono';
import { z } from 'zod';
import {
  type AuditEntryAnswer,
  auditEntry,
  auditFilter,
  auditQuery,
  auditValues,
} from '../../contract/api/audit.ts';
import { countedPageOf } from '../../contract/api/page.ts';
import { LATEST_MS } from '../../contract/text.ts';
import type { ApiEnv } from '../http/actor.ts';
import { cursor, cutPage } from '../http/cursor.ts';
import { describeOperation } from '../http/describe.ts';
import { validate } from '../http/validate.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Queryable } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import { exportAudit } from './export-audit.ts';
import { createAuditRetention } from './retention.ts';
import { type AuditRecord, countAudit, readAudit } from './store.ts';

export interface AuditDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly instanceId: string;
  readonly retention: { readonly auditSeconds: number };
}

/** The audit log for operators, and how long it is kept. */
export function createAudit(deps: AuditDeps) {
  const retention = createAuditRetention({
    ...deps,
    retentionSeconds: deps.retention.auditSeconds,
    holder: deps.instanceId,
  });
  return {
    operatorRoutes: auditRoutes(deps.db),
    onDatabaseReady: retention.start,
    close: retention.close,
  };
}

const query = auditQuery.extend({ cursor: cursor(z.tuple([z.int().min(0).max(LATEST_MS), z.int()])) });

function auditRoutes(db: Queryable) {
  return new Hono<ApiEnv>()
    .get(
      '/audit',
      describeOperation({
        id: 'listAudit',
        tag: 'Audit',
        summary: 'Query the audit log, newest first',
        answer: countedPageOf(auditEntry),
        problems: ['bad-request'],
      }),
      validate('query', query),
      async (c) => {
        const { limit, cursor: behind, ...filter } = c.req.valid('query');
        const from = behind && { at: new Date(behind[0]), id: behind[1] };
        const rows = await readAudit(db, filter, from, limit + 1);
        const page = cutPage(rows, limit, (last) => [last.at.getTime(), last.id]);
        return c.json({
          items: page.rows.map(toEntry),
          next: page.next,
          total: await countAudit(db, filter),
        });
      },
    )
    .get(
      '/audit/export.csv',
      describeOperation({
        id: 'exportAudit',
        tag: 'Audit',
        summary: 'Export the audit log as CSV, newest first',
        description:
          '`before` and `after` are JSON. A field that a spreadsheet would run as a formula is prefixed with an apostrophe.',
        answer: z.string(),
        answerType: 'text/csv',
        problems: ['bad-request'],
      }),
      validate('query', auditFilter),
      async (c) => {
        const body = await exportAudit(db, c.req.valid('query'));
        c.header('Content-Type', 'text/csv; charset=utf-8');
        c.header('Content-Disposition', 'attachment; filename="audit.csv"');
        return c.body(body);
      },
    );
}

function toEntry(row: AuditRecord): AuditEntryAnswer {
  return {
    id: row.id,
    at: row.at.toISOString(),
    actorKind: row.actorKind,
    actor: row.actor,
    address: row.address,
    requestId: row.requestId,
    action: row.action,
    subject: row.subject,
    before: auditValues.parse(row.before),
    after: auditValues.parse(row.after),
  };
}
