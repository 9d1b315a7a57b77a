import { deviceTags } from '../../../contract/api/device-values.ts';
import type { DeviceEdit } from '../../../contract/api/devices.ts';
import { writeAudit } from '../../audit/audit.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
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
  edit: DeviceEdit | ((device: DeviceRow) => DeviceEdit),
  request: ChangeRequest,
): Promise<DeviceRow> {
  return inTransaction(deps.db, async (tx) => {
    const before = await lockDevice(tx, id);
    if (!before) throw unknownDevice(id);
    request.checkVersion(before.version);
    const {
      name = before.name,
      notes = before.notes,
      tags = before.tags,
    } = typeof edit === 'function' ? edit(before) : edit;
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

interface TagChange {
  readonly add?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
}

/**
 * Adds tags to a device and takes others away; a tag that is in both is added.
 *
 * @throws AppError `not_found`, `precondition_failed`, and `conflict` when the device would have too many tags.
 */
export function tagDevice(
  deps: Pick<ChangeDeps, 'db'>,
  id: string,
  { add = [], remove = [] }: TagChange,
  request: ChangeRequest,
): Promise<DeviceRow> {
  return editDevice(
    deps,
    id,
    (device) => {
      const kept = device.tags.filter((tag) => !remove.includes(tag));
      const tags = deviceTags.safeParse([...kept, ...add]);
      if (!tags.success) throw new AppError('conflict', `${id} would have too many tags.`);
      return { tags: tags.data };
    },
    request,
  );
}

function sameTags(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((tag, index) => tag === right[index]);
}
