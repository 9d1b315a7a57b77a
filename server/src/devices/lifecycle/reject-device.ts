import { eq } from 'drizzle-orm';
import type { Removal } from '../../../contract/api/devices.ts';
import { writeAudit } from '../../audit/audit.ts';
import { devices } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import { type ChangeRequest, type DevicesDeps, unknownDevice } from '../change-device.ts';
import { auditView, lockDevice } from '../device.ts';

/**
 * Removes the registration of a device that waits for approval. It may ask again; to shut it out for good, revoke it. No
 * token was ever issued for it, so nothing of it is kept.
 *
 * @throws AppError `not_found`, `precondition_failed`, and `conflict` for a device that is not pending.
 */
export async function rejectDevice(deps: DevicesDeps, id: string, request: ChangeRequest): Promise<Removal> {
  const enqueued = await inTransaction(deps.db, async (tx) => {
    const before = await lockDevice(tx, id);
    if (!before) throw unknownDevice(id);
    request.checkVersion(before.version);
    if (before.state !== 'pending') {
      throw new AppError('conflict', `The device is ${before.state}: revoke or delete it instead.`);
    }
    await tx.delete(devices).where(eq(devices.id, id));
    await writeAudit(tx, {
      ...request.origin,
      action: 'device.rejected',
      subject: id,
      before: auditView(before),
    });
    return await deps.changes.enqueue(tx, [id], 'device.rejected');
  });
  return { removed: id, receipt: await deps.changes.flush(enqueued) };
}
