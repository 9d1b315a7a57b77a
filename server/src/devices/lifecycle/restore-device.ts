import { AppError } from '../../platform/errors.ts';
import { type ChangeDeps, type ChangeRequest, changeDevice } from '../change-device.ts';
import type { ChangeOutcome } from '../device.ts';
import { raiseGeneration } from './generation.ts';

/**
 * Undoes a revocation. The device starts in a new generation: tokens from before the revocation stay invalid.
 *
 * @throws AppError `conflict` for a pending device, which is approved instead.
 */
export function restoreDevice(deps: ChangeDeps, id: string, request: ChangeRequest): Promise<ChangeOutcome> {
  return changeDevice(deps, id, request, {
    action: 'device.restored',
    async apply(tx, device) {
      if (device.state === 'active') return { changed: false };
      if (device.state === 'pending') {
        throw new AppError('conflict', 'The device is waiting for approval: approve it instead.');
      }
      await raiseGeneration(tx, deps, device);
      return { changed: true };
    },
  });
}
