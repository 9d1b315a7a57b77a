import { isDeepStrictEqual } from 'node:util';
import { eq, sql } from 'drizzle-orm';
import type { AlertRuleChange } from '../../../contract/api/alert-rules.ts';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import type { Database, Queryable } from '../../platform/db/client.ts';
import { alertRules, alertStates, alerts } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { reviseRuleBook } from '../evaluation/rule-book.ts';
import { sweepStates } from '../evaluation/sweep.ts';
import { resolveAlerts } from '../history/transitions.ts';
import { requireKnown } from './create-rule.ts';
import { auditView, type RuleRow, scopeColumns } from './rule.ts';
import { lockRule } from './store.ts';

/** Who asks, and based on which version. */
export interface RuleRequest {
  readonly origin: AuditOrigin;
  /** Throws if the request is based on another version than this one. */
  readonly checkVersion: (version: number) => void;
}

/**
 * Changes a rule. Disabled, or with another condition, it starts over: its alerts are resolved.
 *
 * @throws AppError `not_found`, `precondition_failed`; `validation_failed` for an unknown device or channel.
 */
export function changeRule(
  db: Database,
  id: string,
  change: AlertRuleChange,
  { origin, checkVersion }: RuleRequest,
): Promise<RuleRow> {
  return inTransaction(db, async (tx) => {
    await reviseRuleBook(tx);
    const before = await lockRule(tx, id);
    checkVersion(before.version);
    await requireKnown(tx, change);
    const { scope, ...values } = change;
    const columns = {
      ...Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)),
      ...(scope ? scopeColumns(scope) : {}),
      ...(change.condition ? { kind: change.condition.kind } : {}),
    };
    const wanted: RuleRow = { ...before, ...columns };
    if (isDeepStrictEqual(wanted, before)) return before;
    const [after] = await tx
      .update(alertRules)
      .set({ ...columns, version: sql`${alertRules.version} + 1` })
      .where(eq(alertRules.id, id))
      .returning();
    if (!after) throw new Error('the rule was not changed');
    if (before.enabled && !after.enabled) await startOver(tx, id, 'rule_disabled');
    else if (!isDeepStrictEqual(before.condition, after.condition)) await startOver(tx, id, 'rule_changed');
    else if (scope) await sweepStates(tx);
    await writeAudit(tx, {
      ...origin,
      action: 'alert_rule.changed',
      subject: id,
      before: auditView(before),
      after: auditView(after),
    });
    return after;
  });
}

/**
 * Deletes a rule and resolves its alerts, which stay in the history.
 *
 * @throws AppError `not_found`, `precondition_failed`.
 */
export function deleteRule(db: Database, id: string, { origin, checkVersion }: RuleRequest): Promise<void> {
  return inTransaction(db, async (tx) => {
    await reviseRuleBook(tx);
    const before = await lockRule(tx, id);
    checkVersion(before.version);
    await startOver(tx, id, 'rule_deleted');
    await tx.delete(alertRules).where(eq(alertRules.id, id));
    await writeAudit(tx, { ...origin, action: 'alert_rule.deleted', subject: id, before: auditView(before) });
  });
}

async function startOver(
  tx: Queryable,
  ruleId: string,
  resolution: 'rule_disabled' | 'rule_changed' | 'rule_deleted',
): Promise<void> {
  await resolveAlerts(tx, eq(alerts.ruleId, ruleId), resolution);
  await tx.delete(alertStates).where(eq(alertStates.ruleId, ruleId));
}
