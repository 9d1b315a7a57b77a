import type { AlertRuleState } from '../../../contract/roles.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { describeCondition } from '../history/describe-condition.ts';
import { fireAlerts, ofPairs, resolveAlerts } from '../history/transitions.ts';
import type { Rule } from '../rules/rule.ts';
import { type Pair, pairKey, type Standing, writeStandings } from './standing.ts';

/** A rule comes into another standing for a device. */
export interface Step extends Pair {
  readonly rule: Rule;
  readonly from: AlertRuleState;
  readonly to: Standing;
}

/** Writes steps, those of a pair in order, and the alerts that fire and are resolved by them. */
export async function advance(tx: Queryable, steps: readonly Step[]): Promise<void> {
  if (steps.length === 0) return;
  const byPair = [...Map.groupBy(steps, pairKey).values()];
  await writeStandings(
    tx,
    byPair.flatMap((ofPair) =>
      ofPair.slice(-1).map(({ ruleId, deviceId, to }) => ({ ruleId, deviceId, ...to })),
    ),
  );
  const rounds = Math.max(...byPair.map((ofPair) => ofPair.length));
  for (let round = 0; round < rounds; round++) {
    const now = byPair.flatMap((ofPair) => ofPair[round] ?? []);
    const cleared = now.filter(({ from, to }) => from === 'firing' && to.state !== 'firing');
    const fired = now.filter(({ from, to }) => from !== 'firing' && to.state === 'firing');
    if (cleared.length > 0) await resolveAlerts(tx, ofPairs(cleared), 'cleared');
    if (fired.length > 0) {
      await fireAlerts(
        tx,
        fired.map(({ rule, deviceId, to: { value } }) => ({
          ruleId: rule.id,
          deviceId,
          value,
          message: describeCondition(rule.condition, value),
        })),
      );
    }
  }
}
