import { sql } from 'drizzle-orm';
import type { ChannelTest } from '../../../contract/api/alert-channels.ts';
import type { ChannelKind } from '../../../contract/roles.ts';
import { writeAudit } from '../../audit/audit.ts';
import { oneOf, type Queryable } from '../../platform/db/client.ts';
import { alertChannels } from '../../platform/db/schema.ts';
import type { ChannelRow } from '../channels/channel.ts';
import { dropQueued } from './outbox.ts';

/** A message that this instance may send until its claim ends. */
export interface ClaimedMessage {
  readonly id: string;
  readonly content: string;
  /** This one included. */
  readonly attempts: number;
  readonly channel: ChannelRow;
}

/** Longer than an attempt may take. */
export const CLAIM_SECONDS = 60;

/**
 * Claims the oldest message that is due of each channel that is not being sent to. Two instances never claim the same one;
 * the claim of one that was killed ends by itself.
 */
export async function claimMessages(db: Queryable, limit: number): Promise<readonly ClaimedMessage[]> {
  const free = sql`(claimed_until is null or claimed_until <= now())`;
  const rows = await db.execute<{ id: string; channel: string; content: string; attempts: number }>(sql`
    with ready as (
      select channel.id from alert_channels as channel
      where enabled
        and exists (
          select from alert_messages as due
          where due.channel_id = channel.id and due.state = 'queued' and due.next_attempt_at <= now())
        and not exists (
          select from alert_messages as sent
          where sent.channel_id = channel.id and sent.state = 'queued' and sent.claimed_until > now())
      limit ${limit} for update of channel skip locked),
    head as (
      select distinct on (channel_id) message.id from alert_messages as message
      where channel_id in (select id from ready) and state = 'queued' and next_attempt_at <= now()
      order by channel_id, seq)
    update alert_messages as message
    set attempts = attempts + 1, claimed_until = now() + make_interval(secs => ${CLAIM_SECONDS})
    from head
    where message.id = head.id and state = 'queued' and next_attempt_at <= now() and ${free}
    returning message.id, channel_id as channel, content, attempts`);
  if (rows.length === 0) return [];
  const ids = rows.map(({ channel }) => channel);
  const channels = await db.select().from(alertChannels).where(oneOf(alertChannels.id, ids));
  const byId = new Map(channels.map((channel) => [channel.id, channel]));
  return rows.flatMap(({ channel: channelId, ...row }) => {
    const channel = byId.get(channelId);
    return channel ? [{ ...row, channel }] : [];
  });
}

/**
 * Notes a delivery, and who did not get it, also where the channel was disabled meanwhile: the end of what it was told of is
 * told once it is enabled again. The channel works: what else waits for it is due.
 */
export async function noteDelivered(
  tx: Queryable,
  { id, channel }: ClaimedMessage,
  { status, error }: ChannelTest,
): Promise<void> {
  await tx.execute(sql`
    update alert_channels set last_delivered_at = now(), last_error = ${error}::text,
      last_failed_at = case when ${error}::text is null then last_failed_at else now() end
    where id = ${channel.id}::uuid`);
  await tx.execute(sql`
    update alert_messages
    set state = 'delivered', finished_at = now(), claimed_until = null, status = ${status}::int, error = ${error}::text
    where id = ${id} and state <> 'delivered'`);
  await tx.execute(sql`
    update alert_messages set next_attempt_at = now()
    where channel_id = ${channel.id}::uuid and state = 'queued' and next_attempt_at > now()`);
}

/** Notes an attempt that failed; another one follows after `delaySeconds`. */
export async function noteRetry(
  tx: Queryable,
  message: ClaimedMessage,
  outcome: ChannelTest,
  delaySeconds: number,
): Promise<void> {
  await noteFailure(tx, message, outcome);
  await tx.execute(sql`
    update alert_messages set claimed_until = null, status = ${outcome.status}::int, error = ${outcome.error},
      next_attempt_at = now() + make_interval(secs => ${delaySeconds})
    where id = ${message.id} and state = 'queued'`);
}

/** Gives a message up. */
export async function noteGivenUp(
  tx: Queryable,
  message: ClaimedMessage,
  outcome: ChannelTest,
): Promise<void> {
  await noteFailure(tx, message, outcome);
  await tx.execute(sql`
    update alert_messages set state = 'failed', finished_at = now(), claimed_until = null,
      status = ${outcome.status}::int, error = ${outcome.error}
    where id = ${message.id} and state = 'queued'`);
}

/** Whether nothing was delivered to the channel for as long as a message was tried. */
export async function isSilent(tx: Queryable, { id, channel }: ClaimedMessage): Promise<boolean> {
  const [row] = await tx.execute<{ silent: number }>(sql`
    select (channel.last_delivered_at is null or channel.last_delivered_at < message.created_at)::int as silent
    from alert_channels as channel join alert_messages as message on message.channel_id = channel.id
    where channel.id = ${channel.id}::uuid and message.id = ${id}`);
  return row?.silent === 1;
}

/** Disables a channel and says why. */
export async function disableChannel(
  tx: Queryable,
  { id, name, kind }: { readonly id: string; readonly name: string; readonly kind: ChannelKind },
  notice: string,
  now: number,
): Promise<void> {
  const rows = await tx.execute(sql`
    update alert_channels set enabled = false, notice = ${notice} where id = ${id}::uuid and enabled returning id`);
  if (rows.length === 0) return;
  await dropQueued(tx, id);
  await writeAudit(tx, {
    at: new Date(now),
    actorKind: 'system',
    actor: 'alert delivery',
    action: 'alert_channel.disabled',
    subject: id,
    after: { name, kind, notice },
  });
}

async function noteFailure(
  tx: Queryable,
  { channel }: ClaimedMessage,
  { error }: ChannelTest,
): Promise<void> {
  await tx.execute(sql`
    update alert_channels set last_failed_at = now(), last_error = ${error} where id = ${channel.id}::uuid`);
}
