import { type SQL, sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';

/** Above the time limits of the transactions that resolve alerts. */
const LONGEST_TRANSACTION_SECONDS = 60;

/** Whether messages about a row of `alerts` are held back now. */
export const isSilenced = sql.raw(`(
  coalesce(alerts.silenced_until > now(), false)
  or exists (
    select from alert_rules as silent where silent.id = alerts.rule_id and silent.silenced_until > now())
  or exists (
    select from alert_device_silences as silent where silent.device_id = alerts.device_id and silent.until > now()))`);

/**
 * Has channels told of alerts that they are to be told of, unless those are silenced: of one that fires, the channels of
 * its rule; of one that was resolved, those that were told that it fired. Called in the transaction in which they change, and
 * again for those whose silence has ended.
 */
export async function tellAlerts(tx: Queryable, which: SQL = sql`true`): Promise<void> {
  await tx.execute(sql`
    with told as (
      update alerts set untold = false where untold and ${which} and not ${isSilenced}
      returning id, rule_id, resolved_at)
    insert into alert_outbox (channel_id, alert_id)
    select channel.id, told.id from told
    join alert_channels as channel on channel.enabled and case
      when told.resolved_at is null
        then exists (select from alert_rules as rule where rule.id = told.rule_id and channel.id = any(rule.channels))
        else exists (
          select from alert_outbox as earlier where earlier.alert_id = told.id and earlier.channel_id = channel.id) end
    for key share of channel`);
}

/**
 * Has a channel that is enabled again told of what it has missed: what fires now, and the end of what it was told of. What is
 * acknowledged is not told.
 */
export async function tellMissed(tx: Queryable, channelId: string): Promise<void> {
  const delivered = sql`
    select from alert_outbox as told join alert_messages as message on message.id = told.message_id
    where told.alert_id = alerts.id and told.channel_id = ${channelId}::uuid and message.state = 'delivered'`;
  // A message that is about as old as the end may have been made before that was committed: then it tells the beginning.
  const toldEnd = sql`(
    message.created_at > alerts.resolved_at + make_interval(secs => ${LONGEST_TRANSACTION_SECONDS})
    or exists (
      select from jsonb_array_elements(message.content::jsonb -> 'data' -> 'alerts') as listed
      where (listed ->> 'id')::bigint = alerts.id and listed ->> 'state' = 'resolved'))`;
  await tx.execute(sql`
    insert into alert_outbox (channel_id, alert_id)
    select ${channelId}::uuid, alerts.id from alerts
    where case when resolved_at is null
      then acknowledged_at is null and not exists (${delivered}) and exists (
        select from alert_rules as rule where rule.id = alerts.rule_id and ${channelId}::uuid = any(rule.channels))
      else exists (${delivered}) and not exists (${delivered} and message.created_at >= alerts.resolved_at and ${toldEnd}) end
    order by alerts.id`);
}

/** Drops what a channel was to be told: it is disabled. */
export async function dropQueued(tx: Queryable, channelId: string): Promise<void> {
  await tx.execute(
    sql`delete from alert_outbox where channel_id = ${channelId}::uuid and message_id is null`,
  );
  await tx.execute(sql`
    update alert_messages set state = 'failed', finished_at = now(), claimed_until = null,
      error = 'The channel was disabled.'
    where channel_id = ${channelId}::uuid and state = 'queued'`);
}
