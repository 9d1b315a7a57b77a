import type { Registration } from '../../../contract/api/devices.ts';
import type { AuditOrigin } from '../../audit/audit.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import type { ChangeDeps } from '../change-device.ts';
import { type DeviceRow, findDevice } from '../device.ts';
import { registerDevices } from '../registration.ts';

/**
 * Adds a device in state active. Repeated with the same values it changes nothing.
 *
 * @throws AppError `conflict` when the device exists with another role, state, or with other values than those given.
 */
export function registerDevice(
  deps: Pick<ChangeDeps, 'db'>,
  given: Registration,
  origin: AuditOrigin,
): Promise<{ readonly device: DeviceRow; readonly created: boolean }> {
  const { id, role, name, notes, tags } = given;
  return inTransaction(deps.db, async (tx) => {
    const row = {
      id,
      role,
      state: 'active' as const,
      name: name ?? '',
      notes: notes ?? '',
      tags: tags ?? [],
    };
    const created = (await registerDevices(tx, [row], origin)).length > 0;
    const device = await findDevice(tx, id);
    if (!device) throw new AppError('conflict', 'The device is being deleted.');
    if (created) return { device, created };
    const difference = differenceOf(device, given);
    if (difference) throw new AppError('conflict', difference);
    return { device, created };
  });
}

function differenceOf(device: DeviceRow, given: Registration): string | undefined {
  if (device.role !== given.role) return `The device is already registered as ${device.role}.`;
  if (device.state !== 'active') return `The device is already registered and ${device.state}.`;
  const same =
    (given.name ?? device.name) === device.name &&
    (given.notes ?? device.notes) === device.notes &&
    (given.tags ?? device.tags).join(';') === device.tags.join(';');
  return same ? undefined : 'The device is already registered with a different name, notes or tags.';
}
