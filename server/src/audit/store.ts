import { and, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm';
import type { ActorKind } from '../../contract/roles.ts';
import type { Queryable } from '../platform/db/client.ts';
import { countRows } from '../platform/db/count-rows.ts';
import { auditLog } from '../platform/db/schema.ts';

export interface AuditRecord {
  readonly id: number;
  readonly at: Date;
  readonly actorKind: ActorKind;
  readonly actor: string;
  readonly address: string | null;
  readonly requestId: string | null;
  readonly action: string;
  readonly subject: string | null;
  readonly before: unknown;
  readonly after: unknown;
}

export interface AuditFilter {
  readonly actor?: string | undefined;
  /** An action, or the part before its dot with the dot. */
  readonly action?: string | undefined;
  readonly subject?: string | undefined;
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
}

/** Where a page of the log ended. */
export interface AuditPosition {
  readonly at: Date;
  readonly id: number;
}

/** Entries of the audit log, newest first, from behind a position. */
export async function readAudit(
  db: Queryable,
  filter: AuditFilter,
  behind: AuditPosition | undefined,
  limit: number,
): Promise<AuditRecord[]> {
  return await db
    .select({
      id: auditLog.id,
      at: auditLog.at,
      actorKind: auditLog.actorKind,
      actor: auditLog.actor,
      address: auditLog.address,
      requestId: auditLog.requestId,
      action: auditLog.action,
      subject: auditLog.subject,
      before: auditLog.before,
      after: auditLog.after,
    })
    .from(auditLog)
    .where(
      and(
        matching(filter),
        behind === undefined
          ? undefined
          : sql`(${auditLog.at}, ${auditLog.id}) < (${behind.at.toISOString()}::timestamptz, ${behind.id}::bigint)`,
      ),
    )
    .orderBy(desc(auditLog.at), desc(auditLog.id))
    .limit(limit);
}

export async function countAudit(db: Queryable, filter: AuditFilter): Promise<number> {
  return await countRows(db, auditLog, matching(filter));
}

function matching({ actor, action, subject, from, to }: AuditFilter): SQL | undefined {
  return and(
    actor === undefined ? undefined : eq(auditLog.actor, actor),
    action === undefined ? undefined : matchesAction(action),
    subject === undefined ? undefined : eq(auditLog.subject, subject),
    from === undefined ? undefined : gte(auditLog.at, from),
    to === undefined ? undefined : lt(auditLog.at, to),
  );
}

function matchesAction(action: string) {
  return action.endsWith('.') ? sql`starts_with(${auditLog.action}, ${action})` : eq(auditLog.action, action);
}
