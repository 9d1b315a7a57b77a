import { sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';

/** What the events of one session told. Times are Unix milliseconds by the broker's clock. */
export interface SessionFacts {
  readonly deviceId: string;
  readonly connectedAt: number;
  readonly disconnectedAt: number | undefined;
  readonly reason: string | undefined;
  readonly address: string | undefined;
  readonly keepAlive: number | undefined;
}

const KEPT_DAYS = 90;
const PIECE = 20_000;
/** Sessions before one, among which those whose end was missed are looked for. */
const LOOKED_BACK = 20;

/** Two events of one session, in whichever order they arrived. */
export function mergeFacts(earlier: SessionFacts, later: SessionFacts): SessionFacts {
  return {
    ...earlier,
    disconnectedAt: later.disconnectedAt ?? earlier.disconnectedAt,
    reason: later.reason ?? earlier.reason,
    address: later.address ?? earlier.address,
    keepAlive: later.keepAlive ?? earlier.keepAlive,
  };
}

/** Adds to the history, and ends sessions of which a newer one of the same device shows that their end was missed. */
export async function writeSessionFacts(db: Queryable, facts: readonly SessionFacts[]): Promise<void> {
  const rows = facts.map((fact) => ({
    device: fact.deviceId,
    start: new Date(fact.connectedAt).toISOString(),
    end: fact.disconnectedAt === undefined ? null : new Date(fact.disconnectedAt).toISOString(),
    reason: fact.reason ?? null,
    address: fact.address ?? null,
    keep_alive: fact.keepAlive ?? null,
  }));
  const json = JSON.stringify(rows);
  await db.execute(sql`
    insert into device_sessions as known (device_id, connected_at, disconnected_at, reason, address, keep_alive)
    select device, start, case when "end" < start then start else "end" end, reason, address, keep_alive
    from json_to_recordset(${json}::json) as fact
      (device uuid, start timestamptz, "end" timestamptz, reason text, address text, keep_alive int)
    join devices on devices.id = device
    on conflict (device_id, connected_at) do update set
      disconnected_at = coalesce(excluded.disconnected_at, known.disconnected_at),
      reason = coalesce(excluded.reason, known.reason),
      address = coalesce(excluded.address, known.address),
      keep_alive = coalesce(excluded.keep_alive, known.keep_alive)`);
  await db.execute(sql`
    update device_sessions as older set disconnected_at = newer.connected_at, reason = 'missed'
    from (
      select distinct near.device_id, near.connected_at from json_to_recordset(${json}::json) as fact (device uuid, start timestamptz)
      cross join lateral (
        select device_id, connected_at, disconnected_at from device_sessions
        where device_id = device and connected_at <= start order by connected_at desc limit ${LOOKED_BACK}) as near
      where near.disconnected_at is null
    ) as open
    cross join lateral (
      select min(connected_at) as connected_at from device_sessions as next
      where next.device_id = open.device_id and next.connected_at > open.connected_at
    ) as newer
    where older.device_id = open.device_id and older.connected_at = open.connected_at
      and older.disconnected_at is null and newer.connected_at is not null`);
}

/** Removes what is old enough, a piece at a time: a device that has flapped for months has millions of sessions. */
export async function removeOldSessions(db: Queryable): Promise<void> {
  for (let removed = PIECE; removed === PIECE; ) {
    const rows = await db.execute(sql`
      delete from device_sessions where ctid = any(array(
        select ctid from device_sessions where noted_at < now() - make_interval(days => ${KEPT_DAYS})
          and disconnected_at is not null limit ${PIECE}))`);
    removed = rows.count;
  }
}
