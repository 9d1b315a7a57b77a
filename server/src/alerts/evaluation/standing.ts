import { sql } from 'drizzle-orm';
import type { AlertRuleState } from '../../../contract/roles.ts';
import type { Queryable } from '../../platform/db/client.ts';

/** How a rule stands for a device. Times are Unix microseconds. */
export interface Standing {
  readonly state: AlertRuleState;
  readonly sinceUs: number;
  readonly value: number | null;
  /** When it fires unless something arrives before. */
  readonly dueUs: number | null;
}

/** A rule and a device that it watches. */
export interface Pair {
  readonly ruleId: string;
  readonly deviceId: string;
}

export function pairKey({ ruleId, deviceId }: Pair): string {
  return `${ruleId}/${deviceId}`;
}

/** By `pairKey`; with `lock` they stay as they are until the transaction ends. */
export async function readStandings(
  tx: Queryable,
  pairs: readonly Pair[],
  lock = false,
): Promise<ReadonlyMap<string, Standing>> {
  const rows = await tx.execute<{
    rule: string;
    device: string;
    state: AlertRuleState;
    since: string;
    value: number | null;
    due: string | null;
  }>(sql`
    select rule_id as rule, device_id as device, known.state, value,
      (extract(epoch from since) * 1000000)::bigint as since, (extract(epoch from due_at) * 1000000)::bigint as due
    from ${pairRecords(pairs)} join alert_states as known on rule_id = pair.rule and device_id = pair.device
    ${lock ? sql`order by rule_id, device_id for update of known` : sql``}`);
  return new Map(
    rows.map(({ rule, device, state, since, value, due }) => [
      pairKey({ ruleId: rule, deviceId: device }),
      { state, value, sinceUs: Number(since), dueUs: due === null ? null : Number(due) },
    ]),
  );
}

export async function writeStandings(tx: Queryable, standings: readonly (Pair & Standing)[]): Promise<void> {
  if (standings.length === 0) return;
  const rows = standings.map(({ ruleId, deviceId, state, sinceUs, value, dueUs }) => ({
    rule: ruleId,
    device: deviceId,
    state,
    since: sinceUs,
    value,
    due: dueUs,
  }));
  await tx.execute(sql`
    insert into alert_states (rule_id, device_id, state, since, value, due_at)
    select rule, device, state, timestamptz 'epoch' + since * interval '1 microsecond', value,
      timestamptz 'epoch' + due * interval '1 microsecond'
    from json_to_recordset(${JSON.stringify(rows)}::json)
      as row (rule uuid, device uuid, state alert_rule_state, since bigint, value float8, due bigint)
    order by rule, device
    on conflict (rule_id, device_id) do update
      set state = excluded.state, since = excluded.since, value = excluded.value, due_at = excluded.due_at`);
}

/** Pairs as a table `pair (rule, device)`. */
export function pairRecords(pairs: readonly Pair[]) {
  const rows = pairs.map(({ ruleId, deviceId }) => ({ rule: ruleId, device: deviceId }));
  return sql`json_to_recordset(${JSON.stringify(rows)}::json) as pair (rule uuid, device uuid)`;
}
