import { type SQL, sql } from 'drizzle-orm';
import type { AlertResolution } from '../../../contract/api/alerts.ts';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { tellAlerts } from '../delivery/outbox.ts';
import { type Pair, pairRecords } from '../evaluation/standing.ts';

/** A rule that begins to fire for a device. */
export interface Firing extends Pair {
  readonly value: number | null;
  readonly message: string;
}

/** Adds alerts; of a rule and a device at most one fires. */
export async function fireAlerts(tx: Queryable, firings: readonly Firing[]): Promise<void> {
  const rows = firings.map(({ ruleId, deviceId, value, message }) => ({
    rule: ruleId,
    device: deviceId,
    value,
    message,
  }));
  const fired = await tx.execute<{ id: string }>(sql`
    insert into alerts (rule_id, rule_name, kind, device_id, device_name, message, value)
    select rule.id, rule.name, rule.kind, devices.id, devices.name, firing.message, firing.value
    from json_to_recordset(${JSON.stringify(rows)}::json)
      as firing (rule uuid, device uuid, value float8, message text)
    join alert_rules as rule on rule.id = firing.rule
    join devices on devices.id = firing.device
    on conflict (rule_id, device_id) where resolved_at is null do nothing
    returning id`);
  await tell(tx, fired);
}

/**
 * Resolves those alerts of a condition that fire. Channels that were told of one are to be told of its end; one that they were
 * not told of ends in silence.
 */
export async function resolveAlerts(tx: Queryable, which: SQL, resolution: AlertResolution): Promise<void> {
  const resolved = await tx.execute<{ id: string }>(sql`
    update alerts set resolved_at = now(), resolution = ${resolution}, change = change + 1, untold = not untold
    where resolved_at is null and ${which}
    returning id`);
  await tell(tx, resolved);
}

async function tell(tx: Queryable, rows: readonly { readonly id: string }[]): Promise<void> {
  if (rows.length === 0) return;
  await tellAlerts(tx, sql`alerts.id = any(${arrayLiteral(rows.map(({ id }) => Number(id)))}::bigint[])`);
}

/** The condition that the alerts of pairs meet. */
export function ofPairs(pairs: readonly Pair[]): SQL {
  return sql`(rule_id, device_id) in (select pair.rule, pair.device from ${pairRecords(pairs)})`;
}

/** Has the alerts of a condition told to viewers again: what an alert answers has changed, but not its row. */
export async function touchAlerts(tx: Queryable, which: SQL): Promise<void> {
  await tx.execute(sql`update alerts set change = change + 1 where resolved_at is null and ${which}`);
}
