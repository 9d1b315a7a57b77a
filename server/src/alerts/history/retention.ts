import { sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';

const KEPT_DAYS = 90;

/**
 * Removes alerts that were resolved long ago, with the messages that were about them, losses beyond the longest window, and
 * silences that are over.
 */
export async function removeOldAlerts(db: Queryable): Promise<void> {
  await db.execute(sql`delete from alerts where resolved_at < now() - make_interval(days => ${KEPT_DAYS})`);
  await db.execute(sql`
    delete from alert_messages as old where finished_at < now() - make_interval(days => ${KEPT_DAYS})
      and not exists (select from alert_outbox where message_id = old.id)`);
  await db.execute(sql`delete from alert_losses where minute < now() - interval '25 hours'`);
  await db.execute(sql`delete from alert_device_silences where until <= now()`);
}
