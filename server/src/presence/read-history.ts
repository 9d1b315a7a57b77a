import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { type DeviceSession, FLAPPING_CONNECTS } from '../../contract/api/presence.ts';
import type { Queryable } from '../platform/db/client.ts';
import { deviceSessions } from '../platform/db/schema.ts';
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

/** Seconds for which a device was connected, by UTC day, today last. */
export async function readUptime(
  db: Queryable,
  deviceId: string,
  days: number,
): Promise<{ day: string; seconds: number }[]> {
  const rows = await db.execute<{ day: string; seconds: number }>(sql`
    select to_char(day at time zone 'UTC', 'YYYY-MM-DD') as day,
      least(86400, coalesce(sum(extract(epoch from
        least(coalesce(disconnected_at, now()), day + interval '24 hours', now()) - greatest(connected_at, day)
      )) filter (where connected_at is not null), 0))::int as seconds
    from generate_series(
      date_trunc('day', now(), 'UTC') - make_interval(hours => 24 * (${days}::int - 1)),
      date_trunc('day', now(), 'UTC'), interval '24 hours') as day
    left join device_sessions on device_id = ${deviceId}::uuid
      and connected_at < least(day + interval '24 hours', now()) and coalesce(disconnected_at, now()) > day
    group by day order by day`);
  return rows.map(({ day, seconds }) => ({ day, seconds }));
}
