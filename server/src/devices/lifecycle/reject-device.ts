import { eq } from 'drizzle-orm';
import type { Removal } from '../../../contract/api/devices.ts';
import { writeAudit } from '../../audit/audit.ts';
import { Problem } from '../../http/problem.ts';
import { devices } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { type ChangeRequest, type FleetDeps, unknownDevice } from '../change-device.ts';
import { auditView, lockDevice } from '../device.ts';

/**
 * Removes the registration of a device that waits for approval. It may ask again; to shut it out for good, revoke it. No
 * token was ever issued for it, so nothing of it is kept.
 *
 * @throws Problem `not-found`, `precondition-failed`, and `conflict` for a device that is not pending.
 */
export async function rejectDevice(deps: FleetDeps, id: string, request: ChangeRequest): Promise<Removal> {
  const noted = await inTransaction(deps.db, async (tx) => {
    const before = await lockDevice(tx, id);
    if (!before) throw unknownDevice(id);
    request.checkVersion(before.version);
    if (before.state !== 'pending') {
      throw new Problem('conflict', `The device is ${before.state}: revoke or delete it instead.`);
    }
    await tx.delete(devices).where(eq(devices.id, id));
    await writeAudit(tx, {
      ...request.origin,
      action: 'device.rejected',
      subject: id,
      before: auditView(before),
    });
    return await deps.changes.note(tx, [id], 'device.rejected');
  });
  return { removed: id, receipt: await deps.changes.apply(noted) };
}
