import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { z } from 'zod';
import { type DeviceSession, FLAPPING_CONNECTS, type PresenceAnswer } from '../../contract/api/presence.ts';
import type { Queryable } from '../platform/db/client.ts';
import { instantOf } from '../platform/db/local-time.ts';
import { auditLog, deviceSessions } from '../platform/db/schema.ts';
import { disconnectReason, TAKEN_OVER } from './reasons.ts';

export type SessionRow = typeof deviceSessions.$inferSelect;

/** Sessions of a device, newest first, that began before `before`. */
export async function readSessions(
  db: Queryable,
  deviceId: string,
  limit: number,
  before?: Date,
): Promise<SessionRow[]> {
  return await db
    .select()
    .from(deviceSessions)
    .where(
      and(
        eq(deviceSessions.deviceId, deviceId),
        before === undefined ? undefined : lt(deviceSessions.connectedAt, before),
      ),
    )
    .orderBy(desc(deviceSessions.connectedAt))
    .limit(limit);
}

export function toSessionAnswer(row: SessionRow): DeviceSession {
  return {
    connectedAt: row.connectedAt.toISOString(),
    disconnectedAt: row.disconnectedAt?.toISOString() ?? null,
    reason: row.reason,
    why: row.reason === null ? null : disconnectReason(row.reason),
    address: row.address,
    keepAliveSeconds: row.keepAlive,
  };
}

/** The newest refusal of a credential for a device. */
export async function readLastRefusal(
  db: Queryable,
  deviceId: string,
): Promise<PresenceAnswer['lastRefusal']> {
  const [row] = await db
    .select({ at: auditLog.at, after: auditLog.after, address: auditLog.address })
    .from(auditLog)
    .where(and(eq(auditLog.subject, deviceId), eq(auditLog.action, 'credential.refused')))
    .orderBy(desc(auditLog.id))
    .limit(1);
  if (!row) return null;
  return { at: row.at.toISOString(), reason: refusal.parse(row.after).reason, address: row.address };
}

const refusal = z.object({ reason: z.string() });

const CONFLICT_TAKEOVERS = 3;

/** How restless a device was in the last 10 minutes, by the database's clock. */
export async function readRecent(db: Queryable, deviceId: string) {
  const takenOver = JSON.stringify(TAKEN_OVER);
  const [row] = await db.execute<{ connects: number; takeovers: number }>(sql`
    select count(*)::int as connects,
      count(*) filter (where reason in (select json_array_elements_text(${takenOver}::json)))::int as takeovers
    from device_sessions where device_id = ${deviceId}::uuid and noted_at > now() - interval '10 minutes'`);
  const { connects = 0, takeovers = 0 } = row ?? {};
  return {
    connects,
    flapping: connects >= FLAPPING_CONNECTS,
    conflict: takeovers >= CONFLICT_TAKEOVERS,
  };
}

/** Which days of a device are asked for. */
export interface UptimeQuery {
  readonly days: number;
  /** The zone whose days they are, of the IANA database. */
  readonly zone: string;
  readonly now: number;
}

/** Seconds for which a device was connected, by day, today last. */
export async function readUptime(
  db: Queryable,
  deviceId: string,
  { days, zone, now }: UptimeQuery,
): Promise<PresenceAnswer['uptime']> {
  const today = sql`date_trunc('day', until at time zone ${zone})`;
  const rows = await db.execute<PresenceAnswer['uptime'][number]>(sql`
    with days as (
      select day, until, ${instantOf(sql`day`, zone)} as starts,
        least(${instantOf(sql`(day + interval '1 day')`, zone)}, until) as ends
      from (select ${new Date(now).toISOString()}::timestamptz as until) as moment,
        generate_series(${today} - make_interval(days => ${days}::int - 1), ${today}, interval '1 day') as day),
    session as (
      select connected_at, coalesce(disconnected_at, until) as ended
      from device_sessions, (select min(starts) as since, max(ends) as until from days) as range
      where device_id = ${deviceId}::uuid and connected_at < until and coalesce(disconnected_at, until) > since),
    -- Most are of one day alone, which is found without comparing each session with each day.
    placed as (
      select connected_at, ended, day from session left join days
        on day = date_trunc('day', connected_at at time zone ${zone}) and connected_at >= starts and ended <= ends),
    across as materialized (select connected_at, ended from placed where day is null),
    connected as (
      select day, ended - connected_at as length from placed where day is not null
      union all
      select day, least(ended, ends) - greatest(connected_at, starts)
      from across join days on connected_at < ends and ended > starts)
    select to_char(day, 'YYYY-MM-DD') as day, passed, least(passed, coalesce(sum, 0))::int as seconds
    from (select day, extract(epoch from ends - starts)::int as passed from days) as length
    left join (select day, extract(epoch from sum(length)) as sum from connected group by day) as total using (day)
    order by day`);
  return rows.map(({ day, seconds, passed }) => ({ day, seconds, passed }));
}
