import { type SQL, sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import { advance, type Step } from './advance.ts';
import type { RuleBook } from './rule-book.ts';
import { watches } from './scope.ts';

/**
 * Evaluates the rules on what no record tells: offline, flapping, lost; and begins to wait for data of new devices.
 *
 * @param catchingUp who is offline is not known yet: only who is back is taken.
 */
export async function evaluateFleet(tx: Queryable, book: RuleBook, catchingUp: boolean): Promise<void> {
  const kinds = new Set([...book.rules.values()].map(({ condition }) => condition.kind));
  if (kinds.has('missing')) await expectData(tx);
  if (kinds.has('offline'))
    await move(tx, book, catchingUp ? sql`select * from (${offline}) as known where cleared` : offline);
  if (kinds.has('flapping')) await move(tx, book, counted('flapping', 'connects', SESSIONS));
  if (kinds.has('lost')) await move(tx, book, counted('lost', 'count', LOSSES));
}

/** A device counts from its first record; what is overdue already is due now. */
async function expectData(tx: Queryable): Promise<void> {
  await tx.execute(sql`
    insert into alert_states (rule_id, device_id, state, since, due_at)
    select rule.id, devices.id, 'ok', now(),
      greatest(now(), known.last_received_at + make_interval(secs => (rule.condition ->> 'seconds')::int))
    from alert_rules as rule
    join devices on ${watches}
    join telemetry_devices as known on known.device_id = devices.id
    where rule.kind = 'missing' and known.last_received_at is not null
      and not exists (select from alert_states where rule_id = rule.id and device_id = devices.id)
    on conflict (rule_id, device_id) do nothing`);
}

/** A device counts from its first session. Since when it is offline is known by the database's clock. */
const offline = sql`
  select rule.id as rule, devices.id as device,
    case when devices.connected_at is null
      then floor(extract(epoch from now() - devices.session_noted_at))::float8 end as value,
    devices.connected_at is null
      and devices.session_noted_at < now() - make_interval(secs => (rule.condition ->> 'seconds')::int) as met,
    devices.connected_at is not null as cleared
  from alert_rules as rule join devices on ${watches}
  where rule.kind = 'offline' and devices.last_session_at is not null`;

const SESSIONS = sql`
  select device_id, count(*)::float8 as number from device_sessions
  where noted_at > now() - make_interval(mins => (rule.condition ->> 'minutes')::int) group by device_id`;

/** A minute counts while any part of it is in the window: what was lost at its end would not be seen otherwise. */
const LOSSES = sql`
  select device_id, sum(lost)::float8 as number from alert_losses
  where minute > now() - make_interval(mins => (rule.condition ->> 'minutes')::int + 1) group by device_id`;

/** What is counted in a window of time: fires at the limit, and clears below half of it. */
function counted(kind: 'flapping' | 'lost', limit: 'connects' | 'count', window: SQL): SQL {
  return sql`
    select rule.id as rule, devices.id as device, coalesce(number, 0)::float8 as value,
      coalesce(number, 0) >= (rule.condition ->> ${limit}::text)::int as met,
      coalesce(number, 0) * 2 < (rule.condition ->> ${limit}::text)::int as cleared
    from alert_rules as rule join devices on ${watches}
    left join lateral (${window}) as counted on counted.device_id = devices.id
    where rule.kind = ${kind}`;
}

/** Moves those that have come to meet the condition of their rule, or no longer do. */
async function move(tx: Queryable, { rules }: RuleBook, found: SQL): Promise<void> {
  const rows = await tx.execute<{
    rule: string;
    device: string;
    value: number | null;
    met: number;
    now: string;
  }>(sql`
    select found.rule, found.device, found.value, met::int, (extract(epoch from now()) * 1000000)::bigint as now
    from (${found}) as found
    left join alert_states as known on known.rule_id = found.rule and known.device_id = found.device
    where (met and coalesce(known.state, 'ok') <> 'firing') or (cleared and known.state = 'firing')`);
  const steps = rows.flatMap(({ rule: ruleId, device, value, met, now }): Step[] => {
    const rule = rules.get(ruleId);
    if (!rule) return [];
    const [from, state] = met === 1 ? (['ok', 'firing'] as const) : (['firing', 'ok'] as const);
    return [
      { rule, ruleId, deviceId: device, from, to: { state, sinceUs: Number(now), value, dueUs: null } },
    ];
  });
  await advance(tx, steps);
}
