import { sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import { ofPairs, resolveAlerts } from '../history/transitions.ts';
import { watches } from './scope.ts';

/** Ends the watch on devices that were revoked, deleted or taken out of the scope of a rule. */
export async function sweepStates(tx: Queryable): Promise<void> {
  const rows = await tx.execute<{ rule: string; device: string; active: number }>(sql`
    delete from alert_states as known
    where not exists (
      select from alert_rules as rule join devices on ${watches}
      where rule.id = known.rule_id and devices.id = known.device_id)
    returning rule_id as rule, device_id as device,
      (exists (select from devices where devices.id = device_id and devices.state = 'active'))::int as active`);
  const left = rows.map(({ rule, device, active }) => ({
    ruleId: rule,
    deviceId: device,
    active: active === 1,
  }));
  const inactive = left.filter(({ active }) => !active);
  const outOfScope = left.filter(({ active }) => active);
  if (inactive.length > 0) await resolveAlerts(tx, ofPairs(inactive), 'device_inactive');
  if (outOfScope.length > 0) await resolveAlerts(tx, ofPairs(outOfScope), 'out_of_scope');
}
