import type { Credentials } from '../../../contract/api/devices.ts';
import { AppError } from '../../platform/errors.ts';
import { type ChangeDeps, type ChangeRequest, changeDevice } from '../change-device.ts';
import type { ChangeOutcome } from '../device.ts';
import { raiseGeneration } from './generation.ts';

export interface RotationOutcome extends ChangeOutcome {
  readonly replaced: readonly Credentials[];
}

/**
 * Raises the generation of a device: its tokens become invalid, its session ends, and it comes back with a new token. With
 * `key`, raises its key number too: it comes back once it has its new device key. Each call rotates once more, unless it is
 * made with `If-Match`.
 *
 * @throws AppError `conflict` for a device that is not active and so has no tokens to be replaced.
 */
export async function rotateDevice(
  deps: ChangeDeps,
  id: string,
  request: ChangeRequest,
  { key = false }: { readonly key?: boolean | undefined } = {},
): Promise<RotationOutcome> {
  const outcome = await changeDevice(deps, id, request, {
    action: 'device.rotated',
    async apply(tx, device) {
      if (device.state !== 'active') throw new AppError('conflict', `The device is ${device.state}.`);
      await raiseGeneration(tx, deps, device, device.keyNumber + (key ? 1 : 0));
      return { changed: true };
    },
  });
  return { ...outcome, replaced: key ? ['tokens', 'key'] : ['tokens'] };
}
