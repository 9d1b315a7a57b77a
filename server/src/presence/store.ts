import { sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';

/** The newest session of a device that an event told of. */
export interface SessionEvent {
  /** Unix milliseconds, by the broker's clock: what tells the sessions of a device apart. */
  readonly connectedAt: number;
  readonly ended: boolean;
}

/** Writes events in one statement. An event of a session older than one already known changes nothing. */
export async function writeSessionEvents(
  db: Queryable,
  events: ReadonlyMap<string, SessionEvent>,
): Promise<void> {
  const rows = [...events].map(([id, { connectedAt, ended }]) => ({
    id,
    at: new Date(connectedAt).toISOString(),
    ended,
  }));
  await db.execute(sql`
    update devices set
      connected_at = case when event.ended then null else event.at end,
      last_session_at = event.at
    from json_to_recordset(${JSON.stringify(rows)}::json) as event (id uuid, at timestamptz, ended boolean)
    where devices.id = event.id
      and (devices.last_session_at is null or event.at > devices.last_session_at
        or (event.at = devices.last_session_at and event.ended))`);
}

/** Notes which devices are connected, as the broker lists them (times in Unix milliseconds). */
export async function writeConnected(
  db: Queryable,
  connected: readonly { readonly id: string; readonly connectedAt: number }[],
): Promise<void> {
  if (connected.length === 0) return;
  const rows = connected.map(({ id, connectedAt }) => ({ id, at: new Date(connectedAt).toISOString() }));
  await db.execute(sql`
    update devices set connected_at = listed.at, last_session_at = listed.at
    from json_to_recordset(${JSON.stringify(rows)}::json) as listed (id uuid, at timestamptz)
    where devices.id = listed.id and devices.connected_at is distinct from listed.at
      and (devices.last_session_at is null or listed.at >= devices.last_session_at)`);
}

/** Ids of devices held to be connected since before `before` (Unix milliseconds), in order, above `after`. */
export async function onlineIds(
  db: Queryable,
  after: string,
  before: number,
  limit: number,
): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(sql`
    select id from devices where connected_at < ${new Date(before).toISOString()}::timestamptz and id > ${after}::uuid
    order by id limit ${limit}`);
  return rows.map(({ id }) => id);
}

/** Marks devices as offline unless a session began at or after `before` (Unix milliseconds). */
export async function writeOffline(db: Queryable, ids: readonly string[], before: number): Promise<void> {
  if (ids.length === 0) return;
  await db.execute(sql`
    update devices set connected_at = null
    where id in (select value::uuid from json_array_elements_text(${JSON.stringify(ids)}::json))
      and connected_at < ${new Date(before).toISOString()}::timestamptz`);
}
