import { type SQL, sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';

/** A command that this instance may publish until its claim ends. */
export interface ClaimedCommand {
  readonly id: string;
  readonly deviceId: string;
  readonly payload: string;
  readonly expirySeconds: number;
}

const PIECE = 500;
/** Longer than all attempts of a call of the broker's API. */
const CLAIM_SECONDS = 30;
/** Between attempts, doubled up to this. */
const FIRST_RESEND_SECONDS = 10;
const MAX_RESEND_SECONDS = 300;
/** A device that is connected and does not listen is tried again after this. */
const NOBODY_SECONDS = 60;
const FAILED_SECONDS = 5;

/** All by the database's clock, which the instances share. */
const open = sql.raw(`state in ('queued', 'sent')`);

/** Ends what has expired, and what a device that is no longer active has not been sent. */
export async function endCommands(db: Queryable): Promise<void> {
  await db.execute(sql`
    update commands set state = 'expired', finished_at = now(), claimed_until = null
    where ${open} and expires_at <= now()`);
  await db.execute(sql`
    update commands set state = 'cancelled', finished_at = now(), claimed_until = null,
      error = 'the device is ' || devices.state::text
    from devices where commands.${open} and devices.id = commands.device_id and devices.state <> 'active'`);
}

/** A device that came back so many milliseconds ago. */
export interface Return {
  readonly deviceId: string;
  readonly ageMs: number;
}

/** Has commands sent at once, again too where that was before the device came back: it may have dropped them. */
export async function makeDue(db: Queryable, returns: readonly Return[]): Promise<void> {
  const rows = returns.map(({ deviceId, ageMs }) => ({ id: deviceId, age: Math.max(0, ageMs) / 1000 }));
  await db.execute(sql`
    update commands set next_attempt_at = now()
    from json_to_recordset(${JSON.stringify(rows)}::json) as came (id uuid, age float8)
    where device_id = came.id and ${waitsFromBefore(sql`age`)}`);
}

/** The same for all commands, as if every device had come back so many milliseconds ago. */
export async function makeAllDue(db: Queryable, ageMs: number): Promise<void> {
  await db.execute(sql`
    update commands set next_attempt_at = now()
    where ${waitsFromBefore(sql`${Math.max(0, ageMs) / 1000}::float8`)}`);
}

/** Whether a command waits for its next attempt, and had none within so many seconds. */
function waitsFromBefore(age: SQL): SQL {
  return sql`${open} and next_attempt_at > now()
    and (attempted_at is null or attempted_at < now() - make_interval(secs => ${age}))`;
}

/**
 * Claims the oldest open command of each device, where it is due: of the given devices, else of those that are connected.
 * Two instances never claim the same one. Times further ahead than any that is set were set by a clock that was ahead.
 */
export async function claimCommands(
  db: Queryable,
  deviceIds?: readonly string[],
): Promise<readonly ClaimedCommand[]> {
  const which = deviceIds === undefined ? sql`devices.connected_at is not null` : oneOfDevices(deviceIds);
  const rows = await db.execute<{ id: string; device_id: string; payload: string; seconds: number }>(sql`
    with head as (
      select commands.id from commands join devices on devices.id = commands.device_id
      where commands.${open} and expires_at > now()
        and (next_attempt_at <= now() or next_attempt_at > now() + make_interval(secs => ${2 * MAX_RESEND_SECONDS}))
        and (claimed_until is null or claimed_until <= now()
          or claimed_until > now() + make_interval(secs => ${2 * CLAIM_SECONDS}))
        and devices.state = 'active' and ${which}
        and not exists (
          select from commands as earlier
          where earlier.device_id = commands.device_id and earlier.${open} and earlier.seq < commands.seq)
      order by next_attempt_at limit ${PIECE} for update of commands skip locked)
    update commands set attempts = attempts + 1, attempted_at = now(), claimed_until = now() + make_interval(secs => ${CLAIM_SECONDS}),
      next_attempt_at = now()
        + make_interval(secs => least(${MAX_RESEND_SECONDS}, ${FIRST_RESEND_SECONDS} * 2 ^ least(attempts, 10)))
    from head where commands.id = head.id
    returning commands.id, device_id, payload, ceil(extract(epoch from expires_at - now()))::int as seconds`);
  return rows.map((row) => ({
    id: row.id,
    deviceId: row.device_id,
    payload: row.payload,
    expirySeconds: Math.max(1, row.seconds),
  }));
}

/**
 * Notes what became of a claimed command; one that was answered or ended meanwhile stays as it is. One that `failed` may have
 * reached the device all the same: the broker took it, and only its answer was lost.
 *
 * @returns whether it became due while it was published, because the device came back.
 */
export async function releaseCommand(
  db: Queryable,
  id: string,
  outcome: 'sent' | 'nobody' | 'failed',
): Promise<boolean> {
  const change =
    outcome === 'sent'
      ? sql`state = 'sent', sent_at = coalesce(sent_at, now())`
      : sql`attempts = greatest(attempts - 1, ${outcome === 'nobody' ? 0 : 1}::int), attempted_at = null, next_attempt_at = case when next_attempt_at <= now()
          then next_attempt_at
          else now() + make_interval(secs => ${outcome === 'nobody' ? NOBODY_SECONDS : FAILED_SECONDS}) end`;
  const rows = await db.execute<{ due: boolean | string }>(sql`
    update commands set claimed_until = null, ${change} where id = ${id} and ${open}
    returning (next_attempt_at <= now())::int as due`);
  return Number(rows[0]?.due ?? 0) === 1;
}

/** Removes what finished long ago. */
export async function removeOldCommands(db: Queryable, keptDays: number): Promise<void> {
  await db.execute(sql`delete from commands where finished_at < now() - make_interval(days => ${keptDays})`);
  await db.execute(sql`
    delete from command_groups where expires_at < now() - make_interval(days => ${keptDays})`);
  await db.execute(
    sql`delete from unknown_replies where last_at < now() - make_interval(days => ${keptDays})`,
  );
}

function oneOfDevices(deviceIds: readonly string[]) {
  return sql`device_id in (select value::uuid from json_array_elements_text(${JSON.stringify(deviceIds)}::json))`;
}
