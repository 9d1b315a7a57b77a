import type { DeviceEdit } from '../../../contract/api/devices.ts';
import { writeAudit } from '../../audit/audit.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { type ChangeDeps, type ChangeRequest, unknownDevice } from '../change-device.ts';
import { auditView, type DeviceRow, findDevice, lockDevice, updateDevice } from '../device.ts';

/**
 * Renames a device, or changes its notes or tags. An edit that changes nothing leaves the version as it is.
 *
 * @throws AppError `not_found`, `precondition_failed`.
 */
export function editDevice(
  deps: Pick<ChangeDeps, 'db'>,
  id: string,
  edit: DeviceEdit,
  request: ChangeRequest,
): Promise<DeviceRow> {
  return inTransaction(deps.db, async (tx) => {
    const before = await lockDevice(tx, id);
    if (!before) throw unknownDevice(id);
    request.checkVersion(before.version);
    const name = edit.name ?? before.name;
    const notes = edit.notes ?? before.notes;
    const tags = edit.tags ?? before.tags;
    if (name === before.name && notes === before.notes && sameTags(tags, before.tags)) return before;
    await updateDevice(tx, id, { name, notes, tags });
    const after = (await findDevice(tx, id)) ?? before;
    await writeAudit(tx, {
      ...request.origin,
      action: 'device.edited',
      subject: id,
      before: auditView(before),
      after: auditView(after),
    });
    return after;
  });
}

function sameTags(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((tag, index) => tag === right[index]);
}
