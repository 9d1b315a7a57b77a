import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Alert } from '../../../contract/api/alerts.ts';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import type { Database } from '../../platform/db/client.ts';
import { alerts } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { readAlert } from './store.ts';

/**
 * Notes who takes care of an alert. Repeated, it changes nothing. An alert that is silenced is not told any more after that.
 *
 * @throws AppError `not_found`.
 */
export function acknowledgeAlert(db: Database, id: number, origin: AuditOrigin): Promise<Alert> {
  return inTransaction(db, async (tx) => {
    const [acknowledged] = await tx
      .update(alerts)
      .set({
        acknowledgedAt: sql`now()`,
        acknowledgedBy: origin.actor,
        change: sql`${alerts.change} + 1`,
        untold: sql`${alerts.untold} and ${alerts.resolvedAt} is not null`,
      })
      .where(and(eq(alerts.id, id), isNull(alerts.acknowledgedAt)))
      .returning({ deviceId: alerts.deviceId, rule: alerts.ruleName });
    const alert = await readAlert(tx, id);
    if (acknowledged) {
      await writeAudit(tx, {
        ...origin,
        action: 'alert.acknowledged',
        subject: acknowledged.deviceId,
        after: { alert: id, rule: acknowledged.rule },
      });
    }
    return alert;
  });
}
