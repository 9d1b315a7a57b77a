import { AppError } from '../../platform/errors.ts';
import { type ChangeDeps, type ChangeRequest, changeDevice } from '../change-device.ts';
import { type ChangeOutcome, updateDevice } from '../device.ts';

/**
 * Approves a pending device; its next token request succeeds.
 *
 * @throws AppError `conflict` for a revoked device, which is restored instead.
 */
export function approveDevice(deps: ChangeDeps, id: string, request: ChangeRequest): Promise<ChangeOutcome> {
  return changeDevice(deps, id, request, {
    action: 'device.approved',
    async apply(tx, device) {
      if (device.state === 'active') return { changed: false };
      if (device.state === 'revoked') {
        throw new AppError('conflict', 'The device is revoked: restore it instead.');
      }
      await updateDevice(tx, id, { state: 'active' });
      return { changed: true };
    },
  });
}
