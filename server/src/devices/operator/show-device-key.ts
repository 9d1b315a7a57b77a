import type { KeyAnswer, KeyRequest } from '../../../contract/api/devices.ts';
import type { DeviceRole } from '../../../contract/roles.ts';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import { AppError } from '../../platform/errors.ts';
import { deviceKey } from '../../platform/secrets.ts';
import type { ChangeDeps } from '../change-device.ts';
import { findDevice, retiredKeyNumber } from '../device.ts';
import { sketchHeader } from './sketch-header.ts';

export interface KeyDeps extends Pick<ChangeDeps, 'db'> {
  readonly roleSecrets: Readonly<Record<DeviceRole, string>>;
}

/**
 * Computes the key of a device, which need not exist yet, and the header that gives it to a sketch: the current key,
 * unless the request names a number. That it was shown is
 * audited, the key itself is kept nowhere.
 *
 * @param host where devices reach this server, with a scheme.
 * @throws AppError `validation_failed` when the role is not known, `conflict` when it is another than the one asked for.
 */
export async function showDeviceKey(
  deps: KeyDeps,
  id: string,
  request: KeyRequest,
  host: string,
  origin: AuditOrigin,
): Promise<KeyAnswer> {
  const device = await findDevice(deps.db, id);
  const ofRole = device?.role ?? request.role;
  if (ofRole === undefined) {
    throw new AppError('validation_failed', 'The device does not exist: specify its role.', {
      faults: [{ field: '/role', message: 'is required for a device that does not exist' }],
    });
  }
  if (request.role !== undefined && request.role !== ofRole) {
    throw new AppError('conflict', `The device is registered as ${ofRole}.`);
  }
  const keyNumber = request.keyNumber ?? device?.keyNumber ?? (await retiredKeyNumber(deps.db, id));
  await writeAudit(deps.db, {
    ...origin,
    action: 'device.key_shown',
    subject: id,
    after: { role: ofRole, registered: device !== undefined, keyNumber },
  });
  const key = deviceKey(deps.roleSecrets[ofRole], id, keyNumber);
  return { id, role: ofRole, keyNumber, key, header: sketchHeader({ host, id, key, role: ofRole }) };
}
