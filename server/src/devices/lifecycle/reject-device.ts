import type { Removal } from '../../../contract/api/devices.ts';
import { AppError } from '../../platform/errors.ts';
import { type ChangeDeps, type ChangeRequest, changeDevice } from '../change-device.ts';
import { removeDevice } from '../device.ts';

/**
 * Removes the registration of a device that waits for approval. It may ask again; to block it permanently, revoke it. No
 * token was ever issued for it, so nothing of it is kept.
 *
 * @throws AppError `not_found`, `precondition_failed`, and `conflict` for a device that is not pending.
 */
export async function rejectDevice(deps: ChangeDeps, id: string, request: ChangeRequest): Promise<Removal> {
  const { receipt } = await changeDevice(deps, id, request, {
    action: 'device.rejected',
    async apply(tx, { state }) {
      if (state !== 'pending') {
        throw new AppError('conflict', `The device is ${state}: revoke or delete it instead.`);
      }
      await removeDevice(tx, id);
      return { changed: true };
    },
  });
  return { removed: id, receipt };
}
