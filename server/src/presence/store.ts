import { sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';

/** A session of a device as an event told of it. */
export interface SessionEvent {
  /** Unix milliseconds, by the broker's clock: what tells the sessions of a device apart. */
  readonly connectedAt: number;
  readonly ended: boolean;
  /** When the event arrived, Unix milliseconds. */
  readonly notedAt: number;
}

/**
 * Events of a device may overtake each other by this much. Beyond it, what was learnt later is later, whatever the broker's
 * clock says: that may have been set back.
 */
export const REORDER_MS = 30_000;

/**
 * Writes events in one statement. An event of a session older than the one known changes nothing. When something was learnt
 * counts by the database's clock, which the instances share: an event is as old there as it is here at `now`.
 */
export async function writeSessionEvents(
  db: Queryable,
  events: ReadonlyMap<string, SessionEvent>,
  now: number,
): Promise<void> {
  const rows = [...events].map(([id, { connectedAt, ended, notedAt }]) => ({
    id,
    at: new Date(connectedAt).toISOString(),
    ended,
    age: Math.max(0, now - notedAt) / 1000,
  }));
  await db.execute(sql`
    update devices set
      connected_at = case when ended then null else at end,
      last_session_at = at,
      session_noted_at = noted
    from (
      select *, now() - make_interval(secs => age) as noted
      from json_to_recordset(${JSON.stringify(rows)}::json) as row (id uuid, at timestamptz, ended boolean, age float8)
    ) as event
    where devices.id = event.id and (
      last_session_at is null
      or (at = last_session_at and ended)
      or (at > last_session_at and noted > coalesce(session_noted_at, '-infinity') - ${REORDER})
      or (at < last_session_at and noted > coalesce(session_noted_at, '-infinity') + ${REORDER}))`);
}

/** The database's clock, as text that it reads back exactly. */
export async function databaseTime(db: Queryable): Promise<string> {
  const [row] = await db.execute<{ now: string }>(sql`select now()::text as now`);
  if (!row) throw new Error('the database did not tell its time');
  return row.now;
}

/** Notes which devices are connected, as the broker lists them; what was learnt after `since`, when the list began, stays. */
export async function writeConnected(
  db: Queryable,
  connected: readonly { readonly id: string; readonly connectedAt: number }[],
  since: string,
): Promise<void> {
  if (connected.length === 0) return;
  const rows = connected.map(({ id, connectedAt }) => ({ id, at: new Date(connectedAt).toISOString() }));
  await db.execute(sql`
    with changed as (
    update devices set connected_at = listed.at, last_session_at = listed.at, session_noted_at = ${since}::timestamptz
    from json_to_recordset(${JSON.stringify(rows)}::json) as listed (id uuid, at timestamptz)
    where devices.id = listed.id and devices.connected_at is distinct from listed.at
      and coalesce(session_noted_at, '-infinity') < ${since}::timestamptz
    returning devices.id, listed.at)
    insert into device_sessions (device_id, connected_at) select id, at from changed
    on conflict (device_id, connected_at) do nothing`);
}

/** Ids of devices held to be connected of which nothing was learnt since `since`, in order, above `after`. */
export async function onlineIds(
  db: Queryable,
  after: string,
  since: string,
  limit: number,
): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(sql`
    select id from devices where connected_at is not null and id > ${after}::uuid
      and coalesce(session_noted_at, '-infinity') < ${since}::timestamptz
    order by id limit ${limit}`);
  return rows.map(({ id }) => id);
}

/** Marks devices as offline unless something was learnt of them since `since`. */
export async function writeOffline(db: Queryable, ids: readonly string[], since: string): Promise<void> {
  if (ids.length === 0) return;
  await db.execute(sql`
    with gone as (
      update devices set connected_at = null, session_noted_at = ${since}::timestamptz
      where id in (select value::uuid from json_array_elements_text(${JSON.stringify(ids)}::json))
        and connected_at is not null and coalesce(session_noted_at, '-infinity') < ${since}::timestamptz
      returning id)
    update device_sessions set disconnected_at = greatest(connected_at, ${since}::timestamptz), reason = 'missed'
    from gone where device_id = gone.id and disconnected_at is null`);
}

const REORDER = sql`make_interval(secs => ${REORDER_MS / 1000})`;
