import { sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';

/** What else tells how a device is doing. */
export interface Signs {
  /** Reason of the last refused credential of the last day, where nothing was heard from the device since. */
  readonly refusal: string | undefined;
  /** Attempts of the command in flight. */
  readonly unanswered: number;
  /** The newest alert that fires and that nobody takes care of. */
  readonly alert: { readonly rule: string; readonly message: string } | undefined;
}

export async function readSigns(db: Queryable, deviceId: string): Promise<Signs> {
  const [row] = await db.execute<{
    refusal: string | null;
    unanswered: number | null;
    rule: string | null;
    message: string | null;
  }>(sql`
    select
      (select after ->> 'reason' from audit_log
        where subject = ${deviceId} and action = 'credential.refused' and at > now() - interval '1 day'
          and at > coalesce((select last_seen_at from devices where id = ${deviceId}::uuid), '-infinity')
        order by id desc limit 1) as refusal,
      (select attempts from commands where device_id = ${deviceId}::uuid and state = 'sent') as unanswered,
      alert.rule_name as rule, alert.message
    from (select) as one left join lateral (
      select rule_name, message from alerts
      where device_id = ${deviceId}::uuid and resolved_at is null and acknowledged_at is null
      order by id desc limit 1) as alert on true`);
  const { refusal, unanswered, rule, message } = row ?? {};
  return {
    refusal: refusal ?? undefined,
    unanswered: unanswered ?? 0,
    alert: rule && message ? { rule, message } : undefined,
  };
}
