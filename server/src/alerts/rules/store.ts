import { asc, desc, eq, sql } from 'drizzle-orm';
import type { AlertRule, AlertRuleStateAnswer } from '../../../contract/api/alert-rules.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { alertRules, alertStates } from '../../platform/db/schema.ts';
import { AppError } from '../../platform/errors.ts';
import { type RuleRow, type StateCounts, toAlertRule } from './rule.ts';

/** All rules, newest first. */
export async function listRules(db: Queryable, now: number): Promise<AlertRule[]> {
  const rows = await db.select().from(alertRules).orderBy(desc(alertRules.createdAt), desc(alertRules.id));
  const counts = await countStates(db);
  return rows.map((row) => toAlertRule(row, counts.get(row.id) ?? NONE, now));
}

/** @throws AppError `not_found`. */
export async function readRule(db: Queryable, id: string): Promise<RuleRow> {
  const [row] = await db.select().from(alertRules).where(eq(alertRules.id, id));
  if (!row) throw unknownRule(id);
  return row;
}

/** @throws AppError `not_found`. */
export async function lockRule(tx: Queryable, id: string): Promise<RuleRow> {
  const [row] = await tx.select().from(alertRules).where(eq(alertRules.id, id)).for('no key update');
  if (!row) throw unknownRule(id);
  return row;
}

export async function describeRule(db: Queryable, row: RuleRow, now: number): Promise<AlertRule> {
  return toAlertRule(row, (await countStates(db, row.id)).get(row.id) ?? NONE, now);
}

const NONE: StateCounts = { firing: 0, pending: 0 };

async function countStates(db: Queryable, ruleId?: string): Promise<ReadonlyMap<string, StateCounts>> {
  const rows = await db.execute<{ id: string; firing: number; pending: number }>(sql`
    select rule_id as id, (count(*) filter (where state = 'firing'))::int as firing,
      (count(*) filter (where state = 'pending'))::int as pending
    from alert_states where state <> 'ok' ${ruleId === undefined ? sql`` : sql`and rule_id = ${ruleId}::uuid`}
    group by rule_id`);
  return new Map(rows.map(({ id, firing, pending }) => [id, { firing, pending }]));
}

/** How a rule stands for the devices above `after`, in the order of their UUIDs. */
export async function listStates(
  db: Queryable,
  ruleId: string,
  after: string,
  limit: number,
): Promise<AlertRuleStateAnswer[]> {
  const rows = await db
    .select({
      device: alertStates.deviceId,
      state: alertStates.state,
      since: alertStates.since,
      value: alertStates.value,
    })
    .from(alertStates)
    .where(sql`${alertStates.ruleId} = ${ruleId}::uuid and ${alertStates.deviceId} > ${after}::uuid`)
    .orderBy(asc(alertStates.deviceId))
    .limit(limit);
  return rows.map(({ since, ...row }) => ({ ...row, since: since.toISOString() }));
}

function unknownRule(id: string): AppError {
  return new AppError('not_found', `Alert rule ${id} not found.`);
}
