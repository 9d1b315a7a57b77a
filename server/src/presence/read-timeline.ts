import { type SQL, sql } from 'drizzle-orm';
import type { TimelineEvent, TimelineKind } from '../../contract/api/presence.ts';
import type { Queryable } from '../platform/db/client.ts';
import { disconnectReason } from './reasons.ts';

export interface TimelineRow extends Pick<TimelineEvent, 'kind' | 'what' | 'detail'> {
  /** Unix microseconds. */
  readonly atUs: number;
  /** Tells events of the same microsecond apart. */
  readonly key: string;
}

interface TimelineRange {
  readonly limit: number;
  /** Only events of this kind. */
  readonly kind?: TimelineKind | undefined;
  /** Only what comes behind this event. */
  readonly behind?: { readonly atUs: number; readonly key: string } | undefined;
}

/** Everything about one device, newest first: the audit log about it, its sessions, how its commands ended, its alerts. */
export async function readTimeline(
  db: Queryable,
  deviceId: string,
  { limit, kind, behind }: TimelineRange,
): Promise<TimelineRow[]> {
  const wanted: SQL[] = [
    ...(kind ? [sql`kind = ${kind}::text`] : []),
    ...(behind ? [sql`(us, key) < (${behind.atUs}::bigint, ${behind.key}::text)`] : []),
  ];
  const where = wanted.length > 0 ? sql`where ${sql.join(wanted, sql` and `)}` : sql``;
  const rows = await db.execute<{
    us: string;
    key: string;
    kind: TimelineKind;
    what: string;
    detail: string;
  }>(sql`
    select us, key, kind, what, detail::text as detail from (
      select (extract(epoch from at) * 1000000)::bigint as us, key collate "C" as key, kind, what, detail from (
        select at, 'audit/' || id as key, ${auditKind()} as kind, action as what, json_build_object(
          'actorKind', actor_kind, 'actor', actor, 'address', address, 'requestId', request_id,
          'before', before, 'after', after) as detail
        from audit_log where subject = ${deviceId}::text
        union all
        select connected_at, 'session/1/' || connected_at, 'session', 'session.began', json_build_object(
          'address', address, 'keepAliveSeconds', keep_alive)
        from device_sessions where device_id = ${deviceId}::uuid
        union all
        select disconnected_at, 'session/2/' || connected_at, 'session', 'session.ended', json_build_object(
          'reason', reason, 'seconds', greatest(0, extract(epoch from disconnected_at - connected_at))::int)
        from device_sessions where device_id = ${deviceId}::uuid and disconnected_at is not null
        union all
        select finished_at, 'command/' || id, 'command', 'command.' || state::text, json_build_object(
          'command', id, 'c', name, 'error', error)
        from commands where device_id = ${deviceId}::uuid and finished_at is not null and state <> 'cancelled'
        union all
        select fired_at, 'alert/1/' || id, 'alert', 'alert.fired', json_build_object(
          'alert', id, 'rule', rule_name, 'ruleId', rule_id, 'message', message)
        from alerts where device_id = ${deviceId}::uuid
        union all
        select resolved_at, 'alert/2/' || id, 'alert', 'alert.resolved', json_build_object(
          'alert', id, 'rule', rule_name, 'ruleId', rule_id, 'resolution', resolution)
        from alerts where device_id = ${deviceId}::uuid and resolved_at is not null
      ) as event
    ) as ordered ${where}
    order by us desc, key desc limit ${limit}`);
  return rows.map(({ us, detail, ...row }) => ({
    ...row,
    atUs: Number(us),
    detail: inWords(JSON.parse(detail)),
  }));
}

/** Of an entry of the audit log about a device. */
function auditKind(): SQL {
  return sql`case
    when action in ('credential.refused', 'device.pairing_refused') then 'refusal'
    when action like 'command.%' then 'command'
    when action like 'alert.%' or action = 'device.alerts_silenced' then 'alert'
    else 'change' end`;
}

function inWords(detail: TimelineEvent['detail']): TimelineEvent['detail'] {
  return detail.reason ? { ...detail, why: disconnectReason(detail.reason) } : detail;
}
