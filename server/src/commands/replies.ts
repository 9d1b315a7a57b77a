import { sql } from 'drizzle-orm';
import { reply as contract } from '../../contract/messages.ts';
import type { Queryable } from '../platform/db/client.ts';

/** A message on a device's reply topic. */
export interface DeviceReply {
  readonly deviceId: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Takes replies in the transaction that makes sure of their receipt. The first one finishes its command, whatever open
 * state that is in: the device may be faster than the note that the command was sent. One that comes after the command
 * ended is kept with it; one that names no command of its device is kept in `unknown_replies`.
 *
 * @returns how many those are.
 */
export async function storeReplies(tx: Queryable, replies: readonly DeviceReply[]): Promise<number> {
  const rows = replies.map(({ deviceId, body }, at) => {
    const parsed = contract.safeParse(body).data;
    return {
      at,
      device: deviceId,
      id: parsed?.i ?? null,
      ok: parsed?.c === 'OK',
      result: parsed?.c === 'OK' && parsed.r !== undefined ? JSON.stringify(parsed.r) : null,
      error: parsed?.c === 'ERROR' ? parsed.m : null,
      body: JSON.stringify(body),
    };
  });
  const [row] = await tx.execute<{ unknown: string }>(sql`
    with reply as (
      select * from json_to_recordset(${JSON.stringify(rows)}::json)
        as row (at int, device uuid, id text, ok boolean, result text, error text, body text)
    ), first as (
      select distinct on (device, id) *, count(*) over (partition by device, id)::int as number from reply
      where id is not null order by device, id, at
    ), known as (
      update commands set
        replies = replies + number,
        replied_at = coalesce(replied_at, now()),
        result = case when replied_at is null then first.result else commands.result end,
        error = case when replied_at is null then first.error else commands.error end,
        state = case when state not in ('queued', 'sent') then state
          when ok then 'done'::command_state else 'failed'::command_state end,
        sent_at = coalesce(sent_at, now()),
        finished_at = coalesce(finished_at, now()),
        claimed_until = null
      from first where commands.id = first.id and commands.device_id = first.device
      returning commands.id, device_id
    ), unknown as (
      select device, count(*) as number, (array_agg(body order by at desc))[1] as body from reply
      where not exists (select from known where known.id = reply.id and known.device_id = reply.device)
      group by device
    ), kept as (
    insert into unknown_replies as noted (device_id, count, last_at, last)
    select device, number, now(), body from unknown
    on conflict (device_id) do update
      set count = noted.count + excluded.count, last_at = excluded.last_at, last = excluded.last
    )
    select coalesce(sum(number), 0) as unknown from unknown`);
  return Number(row?.unknown ?? 0);
}
