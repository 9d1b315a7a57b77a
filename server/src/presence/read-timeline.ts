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

/** Events of one origin: rows of a table about a device, each with when it happened. */
interface Origin {
  /** Their kind, where they are all of one. */
  readonly kind?: TimelineKind;
  /** Table and condition. */
  readonly from: SQL;
  readonly at: SQL;
  readonly key: SQL;
  /** The columns `kind`, `what` and `detail`, of the rows that are answered. */
  readonly columns: SQL;
}

/** Everything about one device, newest first: the audit log about it, its sessions, how its commands ended, its alerts. */
export async function readTimeline(
  db: Queryable,
  deviceId: string,
  { limit, kind, behind }: TimelineRange,
): Promise<TimelineRow[]> {
  const wanted = originsOf(deviceId, kind).filter((origin) => !kind || !origin.kind || origin.kind === kind);
  // Each origin is cut to the limit by itself: a device that has flapped for months has hundreds of thousands of sessions.
  const newest = wanted.map(({ from, at, key, columns }) => {
    const of = sql`${from} ${after(at, key, behind)}`;
    return sql`
      select (extract(epoch from ${at}) * 1000000)::bigint as us, ${key} collate "C" as key, ${columns} from ${of}
        and ${at} >= (select min(at) from (select ${at} as at from ${of} order by 1 desc limit ${limit}) as newest)`;
  });
  const rows = await db.execute<{
    us: string;
    key: string;
    kind: TimelineKind;
    what: string;
    detail: string;
  }>(sql`
    select us, key, kind, what, detail::text as detail from (${sql.join(newest, sql` union all `)}) as event
    order by us desc, key desc limit ${limit}`);
  return rows.map(({ us, detail, ...row }) => ({
    ...row,
    atUs: Number(us),
    detail: inWords(JSON.parse(detail)),
  }));
}

/** Only what comes behind an event. Microseconds since 1970 are exact as a double. */
function after(at: SQL, key: SQL, behind: TimelineRange['behind']): SQL {
  if (!behind) return sql``;
  const time = sql`(timestamptz 'epoch' + ${behind.atUs}::bigint * interval '1 microsecond')`;
  return sql`and ${at} <= ${time} and (${at} < ${time} or ${key} collate "C" < ${behind.key}::text)`;
}

function originsOf(deviceId: string, kind: TimelineKind | undefined): Origin[] {
  const ofKind = kind ? sql`and ${auditKind()} = ${kind}::text` : sql``;
  return [
    {
      from: sql`audit_log where subject = ${deviceId}::text ${ofKind}`,
      at: sql`at`,
      key: sql`('audit/' || id)`,
      columns: sql`${auditKind()} as kind, action as what, json_build_object(
        'actorKind', actor_kind, 'actor', actor, 'address', address, 'requestId', request_id,
        'before', before, 'after', after) as detail`,
    },
    {
      kind: 'session',
      from: sql`device_sessions where device_id = ${deviceId}::uuid`,
      at: sql`connected_at`,
      key: sql`('session/1/' || connected_at)`,
      columns: sql`'session', 'session.began', json_build_object(
        'address', address, 'keepAliveSeconds', keep_alive)`,
    },
    {
      kind: 'session',
      from: sql`device_sessions where device_id = ${deviceId}::uuid and disconnected_at is not null`,
      at: sql`disconnected_at`,
      key: sql`('session/2/' || connected_at)`,
      columns: sql`'session', 'session.ended', json_build_object(
        'reason', reason, 'seconds', greatest(0, extract(epoch from disconnected_at - connected_at))::int)`,
    },
    {
      kind: 'command',
      from: sql`commands where device_id = ${deviceId}::uuid and finished_at is not null and state <> 'cancelled'`,
      at: sql`finished_at`,
      key: sql`('command/' || id)`,
      columns: sql`'command', 'command.' || state::text, json_build_object(
        'command', id, 'c', name, 'error', error)`,
    },
    {
      kind: 'alert',
      from: sql`alerts where device_id = ${deviceId}::uuid`,
      at: sql`fired_at`,
      key: sql`('alert/1/' || id)`,
      columns: sql`'alert', 'alert.fired', json_build_object(
        'alert', id, 'rule', rule_name, 'ruleId', rule_id, 'message', message)`,
    },
    {
      kind: 'alert',
      from: sql`alerts where device_id = ${deviceId}::uuid and resolved_at is not null`,
      at: sql`resolved_at`,
      key: sql`('alert/2/' || id)`,
      columns: sql`'alert', 'alert.resolved', json_build_object(
        'alert', id, 'rule', rule_name, 'ruleId', rule_id, 'resolution', resolution)`,
    },
  ];
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
