import { type ChangeDeps, type ChangeRequest, changeDevice } from '../change-device.ts';
import { type ChangeOutcome, updateDevice } from '../device.ts';

/** Revokes a device, pending or active: no token, no session, and its client id is banned. It stays paired. */
export function revokeDevice(deps: ChangeDeps, id: string, request: ChangeRequest): Promise<ChangeOutcome> {
  return changeDevice(deps, id, request, {
    action: 'device.revoked',
    async apply(tx, device) {
      if (device.state === 'revoked') return { changed: false };
      await updateDevice(tx, id, { state: 'revoked' });
      return { changed: true };
    },
  });
}
