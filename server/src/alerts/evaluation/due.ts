import { sql } from 'drizzle-orm';
import type { AlertRuleState } from '../../../contract/roles.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { advance, type Step } from './advance.ts';
import type { RuleBook } from './rule-book.ts';
import { watches } from './scope.ts';

const PIECE = 1_000;

/** Fires what is due: durations that have passed, and data that is still missing. */
export async function fireDue(tx: Queryable, { rules }: RuleBook): Promise<void> {
  const rows = await tx.execute<{
    rule: string;
    device: string;
    state: AlertRuleState;
    value: number | null;
    now: string;
  }>(sql`
    select known.rule_id as rule, known.device_id as device, known.state, known.value,
      (extract(epoch from now()) * 1000000)::bigint as now
    from alert_states as known
    join alert_rules as rule on rule.id = known.rule_id
    join devices on devices.id = known.device_id and ${watches}
    where due_at <= now() order by due_at limit ${PIECE} for update of known skip locked`);
  const steps = rows.flatMap((row): Step[] => {
    const rule = rules.get(row.rule);
    if (!rule) return [];
    const value = rule.condition.kind === 'missing' ? rule.condition.seconds : row.value;
    const to = { state: 'firing' as const, sinceUs: Number(row.now), value, dueUs: null };
    return [{ rule, ruleId: rule.id, deviceId: row.device, from: row.state, to }];
  });
  await advance(tx, steps);
}
