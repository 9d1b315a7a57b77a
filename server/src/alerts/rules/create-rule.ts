import { inArray } from 'drizzle-orm';
import { type AlertScope, MAX_ALERT_RULES, type NewAlertRule } from '../../../contract/api/alert-rules.ts';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import { findDevice } from '../../devices/device.ts';
import type { Database, Queryable } from '../../platform/db/client.ts';
import { alertChannels, alertRules } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import { reviseRuleBook } from '../evaluation/rule-book.ts';
import { auditView, type RuleRow, scopeColumns } from './rule.ts';

/**
 * Creates a rule; it takes effect immediately.
 *
 * @throws AppError `conflict` for too many rules; `validation_failed` for an unknown device or channel.
 */
export function createRule(db: Database, given: NewAlertRule, origin: AuditOrigin): Promise<RuleRow> {
  return inTransaction(db, async (tx) => {
    await reviseRuleBook(tx);
    if ((await tx.$count(alertRules)) >= MAX_ALERT_RULES) {
      throw new AppError('conflict', `There are ${MAX_ALERT_RULES} alert rules, the maximum.`);
    }
    await requireKnown(tx, given);
    const [row] = await tx
      .insert(alertRules)
      .values({
        name: given.name,
        enabled: given.enabled,
        ...scopeColumns(given.scope),
        kind: given.condition.kind,
        condition: given.condition,
        channels: given.channels,
        createdBy: origin.actor,
      })
      .returning();
    if (!row) throw new Error('the rule was not inserted');
    await writeAudit(tx, { ...origin, action: 'alert_rule.created', subject: row.id, after: auditView(row) });
    return row;
  });
}

/** What a rule names has to exist. */
export async function requireKnown(
  tx: Queryable,
  given: { readonly scope?: AlertScope | undefined; readonly channels?: readonly string[] | undefined },
): Promise<void> {
  const { scope, channels = [] } = given;
  const faults = [];
  if (scope?.kind === 'device' && !(await findDevice(tx, scope.device))) {
    faults.push({ field: '/scope/device', message: 'no such device' });
  }
  const known = await tx
    .select({ id: alertChannels.id })
    .from(alertChannels)
    .where(inArray(alertChannels.id, [...channels]))
    .for('share');
  const unknown = channels.filter((id) => !known.some((channel) => channel.id === id));
  if (unknown.length > 0)
    faults.push({ field: '/channels', message: `no such channel: ${unknown.join(', ')}` });
  if (faults.length > 0) throw new AppError('validation_failed', 'The body has invalid values.', { faults });
}
