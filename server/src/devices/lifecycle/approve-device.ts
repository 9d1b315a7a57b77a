import { AppError } from '../../platform/errors.ts';
import { type ChangeRequest, changeDevice, type DevicesDeps } from '../change-device.ts';
import type { ChangeOutcome } from '../device.ts';
import { setState } from './state.ts';

/**
 * Lets a pending device in; its next token request succeeds.
 *
 * @throws AppError `conflict` for a revoked device, which is restored instead.
 */
export function approveDevice(deps: DevicesDeps, id: string, request: ChangeRequest): Promise<ChangeOutcome> {
  return changeDevice(deps, id, request, {
    action: 'device.approved',
    async change(tx, device) {
      if (device.state === 'active') return { changed: false };
      if (device.state === 'revoked') {
        throw new AppError('conflict', 'The device is revoked: restore it instead.');
      }
      await setState(tx, id, 'active');
      return { changed: true };
    },
  });
}
