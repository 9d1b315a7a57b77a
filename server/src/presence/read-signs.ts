import { sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';

/** What else tells how a device is doing. */
export interface Signs {
  /** Reason of the last refused credential of the last day, where nothing was heard from the device since. */
  readonly refusal: string | undefined;
  /** Attempts of the command in flight. */
  readonly unanswered: number;
}

export async function readSigns(db: Queryable, deviceId: string): Promise<Signs> {
  const [row] = await db.execute<{ refusal: string | null; unanswered: number | null }>(sql`
    select
      (select after ->> 'reason' from audit_log
        where subject = ${deviceId} and action = 'credential.refused' and at > now() - interval '1 day'
          and at > coalesce((select last_seen_at from devices where id = ${deviceId}::uuid), '-infinity')
        order by id desc limit 1) as refusal,
      (select attempts from commands where device_id = ${deviceId}::uuid and state = 'sent') as unanswered`);
  return { refusal: row?.refusal ?? undefined, unanswered: row?.unanswered ?? 0 };
}
