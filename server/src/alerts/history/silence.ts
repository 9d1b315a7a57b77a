import { eq, sql } from 'drizzle-orm';
import type { Alert } from '../../../contract/api/alerts.ts';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import { unknownDevice } from '../../devices/change-device.ts';
import { findDevice } from '../../devices/device.ts';
import type { Database, Queryable } from '../../platform/db/client.ts';
import { alertDeviceSilences, alertRules, alerts } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import type { RuleRow } from '../rules/rule.ts';
import { lockRule } from '../rules/store.ts';
import { readAlert, unknownAlert } from './store.ts';
import { touchAlerts } from './transitions.ts';

const MAX_SILENCE_MS = 366 * 86_400_000;

/** @throws AppError `validation_failed` for an end that is past, or more than a year ahead. */
export function requireSilence(until: Date | null, now: number): void {
  if (until === null || (until.getTime() > now && until.getTime() <= now + MAX_SILENCE_MS)) return;
  throw new AppError('validation_failed', 'The body has invalid values.', {
    faults: [{ field: '/until', message: 'must be in the future, at most a year ahead' }],
  });
}

/** @throws AppError `not_found`. */
export function silenceAlert(
  db: Database,
  id: number,
  until: Date | null,
  origin: AuditOrigin,
): Promise<Alert> {
  return inTransaction(db, async (tx) => {
    const [row] = await tx
      .update(alerts)
      .set({ silencedUntil: until, change: sql`${alerts.change} + 1` })
      .where(eq(alerts.id, id))
      .returning({ deviceId: alerts.deviceId, rule: alerts.ruleName });
    if (!row) throw unknownAlert(id);
    await writeAudit(tx, {
      ...origin,
      action: 'alert.silenced',
      subject: row.deviceId,
      after: { alert: id, rule: row.rule, until: until?.toISOString() ?? null },
    });
    return await readAlert(tx, id);
  });
}

/** @throws AppError `not_found`. */
export function silenceRule(
  db: Database,
  id: string,
  until: Date | null,
  origin: AuditOrigin,
): Promise<RuleRow> {
  return inTransaction(db, async (tx) => {
    const before = await lockRule(tx, id);
    const [after] = await tx
      .update(alertRules)
      .set({ silencedUntil: until })
      .where(eq(alertRules.id, id))
      .returning();
    await touchAlerts(tx, eq(alerts.ruleId, id));
    await writeAudit(tx, {
      ...origin,
      action: 'alert_rule.silenced',
      subject: id,
      after: { name: before.name, until: until?.toISOString() ?? null },
    });
    return after ?? before;
  });
}

/** @throws AppError `not_found`. */
export function silenceDevice(
  db: Database,
  id: string,
  until: Date | null,
  origin: AuditOrigin,
): Promise<Date | null> {
  return inTransaction(db, async (tx) => {
    if (!(await findDevice(tx, id))) throw unknownDevice(id);
    if (until === null) await tx.delete(alertDeviceSilences).where(eq(alertDeviceSilences.deviceId, id));
    else {
      await tx
        .insert(alertDeviceSilences)
        .values({ deviceId: id, until })
        .onConflictDoUpdate({ target: alertDeviceSilences.deviceId, set: { until } });
    }
    await touchAlerts(tx, eq(alerts.deviceId, id));
    await writeAudit(tx, {
      ...origin,
      action: 'device.alerts_silenced',
      subject: id,
      after: { until: until?.toISOString() ?? null },
    });
    return until;
  });
}

/** @throws AppError `not_found`. */
export async function readDeviceSilence(db: Queryable, id: string): Promise<Date | null> {
  if (!(await findDevice(db, id))) throw unknownDevice(id);
  const [row] = await db
    .select({ until: alertDeviceSilences.until })
    .from(alertDeviceSilences)
    .where(sql`${alertDeviceSilences.deviceId} = ${id}::uuid and ${alertDeviceSilences.until} > now()`);
  return row?.until ?? null;
}
