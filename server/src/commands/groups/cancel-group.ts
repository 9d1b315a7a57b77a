import { eq, sql } from 'drizzle-orm';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import type { Database } from '../../platform/db/client.ts';
import { commandGroups } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { type GroupRow, readGroup } from './store.ts';

/**
 * Ends the commands of a group that are not finished. Devices that have them already may execute them all the same. Where
 * none is left it changes nothing.
 *
 * @returns the devices whose next commands may go out.
 * @throws AppError `not_found`.
 */
export function cancelGroup(
  db: Database,
  id: string,
  origin: AuditOrigin,
): Promise<{ readonly group: GroupRow; readonly deviceIds: readonly string[] }> {
  return inTransaction(db, async (tx) => {
    const group = await readGroup(tx, id);
    const cancelled = await tx.execute<{ device: string }>(sql`
      with open as (
        select id from commands where group_id = ${id} and state in ('queued', 'sent') order by id for update)
      update commands set state = 'cancelled', finished_at = now(), claimed_until = null
      from open where commands.id = open.id
      returning device_id as device`);
    if (cancelled.length === 0) return { group, deviceIds: [] };
    const [changed = group] = await tx
      .update(commandGroups)
      .set({ cancelledAt: sql`coalesce(${commandGroups.cancelledAt}, now())` })
      .where(eq(commandGroups.id, id))
      .returning();
    await writeAudit(tx, {
      ...origin,
      action: 'command_group.cancelled',
      subject: id,
      before: { c: group.name, commands: cancelled.length },
    });
    return { group: changed, deviceIds: cancelled.map(({ device }) => device) };
  });
}
