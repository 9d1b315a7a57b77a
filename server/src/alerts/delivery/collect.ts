import { sql } from 'drizzle-orm';
import { MAX_ALERTS_OF_MESSAGE } from '../../../contract/api/alert-channels.ts';
import type { Clock } from '../../platform/clock.ts';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { alertChannels, alertMessages } from '../../platform/db/schema.ts';
import type { Random } from '../../platform/random.ts';
import { readAlerts } from '../history/store.ts';
import { notificationOf } from './notification.ts';
import { isSilenced } from './outbox.ts';

interface CollectDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** After the first alert, so that one power cut makes one message. */
const COLLECT_SECONDS = 5;
/** Between the messages of a channel, and where its receiver does not take them. */
const INTERVAL_SECONDS = 30;
const FAILING_INTERVAL_SECONDS = 300;
const MAX_CHANNELS_AT_ONCE = 50;
const MAX_ROWS = 10_000;
const ID_BYTES = 18;

/** Makes one message of what waits for each channel. Two instances never take the same. */
export async function collectMessages(tx: Queryable, deps: CollectDeps): Promise<void> {
  const channels = await tx.execute<{ id: string }>(sql`
    select channel.id from alert_channels as channel
    where enabled
      and exists (
        select from alert_outbox as waiting where waiting.channel_id = channel.id and waiting.message_id is null
          and waiting.created_at <= now() - make_interval(secs => ${COLLECT_SECONDS}))
      and (collected_at is null or collected_at <= now() - make_interval(secs => case
        when exists (
          select from alert_messages as failing
          where failing.channel_id = channel.id and failing.state = 'queued' and failing.attempts > 0)
        then ${FAILING_INTERVAL_SECONDS}::int else ${INTERVAL_SECONDS}::int end))
    order by channel.id limit ${MAX_CHANNELS_AT_ONCE} for update of channel skip locked`);
  for (const { id } of channels) await collect(tx, id, deps);
}

async function collect(tx: Queryable, channelId: string, { clock, random }: CollectDeps): Promise<void> {
  const rows = await tx.execute<{ id: string; alert: string; firing: number }>(sql`
    select waiting.id, alerts.id as alert, (alerts.resolved_at is null)::int as firing
    from alert_outbox as waiting join alerts on alerts.id = waiting.alert_id
    where waiting.channel_id = ${channelId}::uuid and waiting.message_id is null and not ${isSilenced}
    order by alerts.resolved_at is not null, alerts.id desc limit ${MAX_ROWS}`);
  if (rows.length === 0) return;
  const byAlert = new Map(rows.map((row) => [Number(row.alert), row.firing === 1]));
  const firing = [...byAlert.values()].filter(Boolean).length;
  const counts = { firing, resolved: byAlert.size - firing };
  const listed = await readAlerts(tx, [...byAlert.keys()].slice(0, MAX_ALERTS_OF_MESSAGE));
  const notification = notificationOf(listed, counts, clock.now());
  const id = newMessageId(random);
  await tx.insert(alertMessages).values({
    id,
    channelId,
    content: JSON.stringify(notification),
    title: notification.data.title,
    alerts: byAlert.size,
  });
  await tx.execute(sql`
    update alert_outbox set message_id = ${id}
    where id = any(${arrayLiteral(rows.map((row) => Number(row.id)))}::bigint[])`);
  await tx
    .update(alertChannels)
    .set({ collectedAt: sql`now()` })
    .where(sql`${alertChannels.id} = ${channelId}::uuid`);
}

/** The id of a message, which repeated deliveries are told by. */
export function newMessageId(random: Random): string {
  return `msg_${Buffer.from(random.bytes(ID_BYTES)).toString('base64url')}`;
}
