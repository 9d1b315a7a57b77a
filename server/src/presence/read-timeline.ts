import { sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';

export interface TimelineRow {
  /** Unix microseconds. */
  readonly atUs: number;
  /** Tells events of the same microsecond apart. */
  readonly key: string;
  readonly what: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Everything about one device, newest first: the audit log about it, its sessions, how its commands ended, its alerts. */
export async function readTimeline(
  db: Queryable,
  deviceId: string,
  limit: number,
  behind?: { readonly atUs: number; readonly key: string },
): Promise<TimelineRow[]> {
  const after = behind ? sql`where (us, key) < (${behind.atUs}::bigint, ${behind.key}::text)` : sql``;
  const rows = await db.execute<{ us: string; key: string; what: string; detail: string }>(sql`
    select us, key, what, detail::text as detail from (
      select (extract(epoch from at) * 1000000)::bigint as us, key collate "C" as key, what, detail from (
        select at, 'audit/' || id as key, action as what, json_build_object(
          'actor', actor, 'address', address, 'before', before, 'after', after) as detail
        from audit_log where subject = ${deviceId}::text
        union all
        select connected_at, 'session/1/' || connected_at, 'session.began', json_build_object(
          'address', address, 'keepAliveSeconds', keep_alive)
        from device_sessions where device_id = ${deviceId}::uuid
        union all
        select disconnected_at, 'session/2/' || connected_at, 'session.ended', json_build_object('reason', reason)
        from device_sessions where device_id = ${deviceId}::uuid and disconnected_at is not null
        union all
        select finished_at, 'command/' || id, 'command.' || state::text, json_build_object(
          'command', id, 'c', name, 'error', error)
        from commands where device_id = ${deviceId}::uuid and finished_at is not null and state <> 'cancelled'
        union all
        select fired_at, 'alert/1/' || id, 'alert.fired', json_build_object(
          'alert', id, 'rule', rule_name, 'message', message)
        from alerts where device_id = ${deviceId}::uuid
        union all
        select resolved_at, 'alert/2/' || id, 'alert.resolved', json_build_object(
          'alert', id, 'rule', rule_name, 'resolution', resolution)
        from alerts where device_id = ${deviceId}::uuid and resolved_at is not null
      ) as event
    ) as ordered ${after}
    order by us desc, key desc limit ${limit}`);
  return rows.map(({ us, key, what, detail }) => ({
    atUs: Number(us),
    key,
    what,
    detail: JSON.parse(detail),
  }));
}
