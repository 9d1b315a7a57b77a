import { type ChangeRequest, changeDevice, type DevicesDeps } from '../change-device.ts';
import type { ChangeOutcome } from '../device.ts';
import { setState } from './state.ts';

/** Shuts a device out, pending ones included: no token, no session, and its client id is banned. It stays paired. */
export function revokeDevice(deps: DevicesDeps, id: string, request: ChangeRequest): Promise<ChangeOutcome> {
  return changeDevice(deps, id, request, {
    action: 'device.revoked',
    async change(tx, device) {
      if (device.state === 'revoked') return { changed: false };
      await setState(tx, id, 'revoked');
      return { changed: true };
    },
  });
}
