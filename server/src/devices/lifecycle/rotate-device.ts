import { AppError } from '../../platform/errors.ts';
import { type ChangeDeps, type ChangeRequest, changeDevice } from '../change-device.ts';
import type { ChangeOutcome } from '../device.ts';
import { raiseGeneration } from './generation.ts';

/**
 * Raises the generation of a device: its tokens become invalid, its session ends, and it comes back with a new token. Each call
 * rotates once more, unless it is made with `If-Match`.
 *
 * @throws AppError `conflict` for a device that is not active and so has no tokens to be replaced.
 */
export function rotateDevice(deps: ChangeDeps, id: string, request: ChangeRequest): Promise<ChangeOutcome> {
  return changeDevice(deps, id, request, {
    action: 'device.rotated',
    async apply(tx, device) {
      if (device.state !== 'active') throw new AppError('conflict', `The device is ${device.state}.`);
      await raiseGeneration(tx, deps, device);
      return { changed: true };
    },
  });
}
