import { and, eq, inArray, sql } from 'drizzle-orm';
import { type AuditOrigin, writeAudit } from '../audit/audit.ts';
import type { Database } from '../platform/db/client.ts';
import { commands } from '../platform/db/schema.ts';
import { inTransaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import type { CommandRow } from './command.ts';
import { readCommand } from './store.ts';

/**
 * Ends a command that is not finished. A device that has it already may execute it all the same: `attempts` tells.
 * Repeated, it changes nothing.
 *
 * @throws AppError `not_found`; `conflict` for a command that is done, failed or expired.
 */
export function cancelCommand(
  db: Database,
  deviceId: string,
  id: string,
  origin: AuditOrigin,
): Promise<CommandRow> {
  return inTransaction(db, async (tx) => {
    const [cancelled] = await tx
      .update(commands)
      .set({ state: 'cancelled', finishedAt: sql`now()`, claimedUntil: null })
      .where(
        and(
          eq(commands.id, id),
          eq(commands.deviceId, deviceId),
          inArray(commands.state, ['queued', 'sent']),
        ),
      )
      .returning();
    if (!cancelled) {
      const found = await readCommand(tx, deviceId, id);
      if (found.state === 'cancelled') return found;
      throw new AppError('conflict', `The command is ${found.state}.`);
    }
    await writeAudit(tx, {
      ...origin,
      action: 'command.cancelled',
      subject: deviceId,
      before: { command: id, c: cancelled.name, attempts: cancelled.attempts },
    });
    return cancelled;
  });
}
