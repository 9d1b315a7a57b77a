import { z } from 'zod';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import type { DeviceRole } from '../../platform/db/schema.ts';
import { AppError } from '../../platform/errors.ts';
import { deviceKey } from '../../platform/secrets.ts';
import type { ChangeDeps } from '../change-device.ts';
import { findDevice } from '../device.ts';
import { role } from '../values.ts';
import { sketchHeader } from './sketch-header.ts';

/** What the library takes as its host (`SMSERVER_HOST_BYTES`), of characters that a C string takes as they are. */
export const sketchHost = z
  .string()
  .max(95)
  .regex(/^(https?:\/\/)?[A-Za-z0-9.[\]:_-]+$/, 'must be a host, with scheme and port if need be');

/** What to compute a key for, beside the device's id. */
export const keyRequest = z.strictObject({
  role: role.optional().describe('Of a device that does not exist yet; that of one that exists is known'),
  host: sketchHost
    .optional()
    .describe('Where devices reach this server; the address of this request unless given'),
});

export const keyAnswer = z.object({
  id: z.uuid(),
  role,
  key: z.string().describe('The device key: good for tokens of this one device'),
  header: z.string().describe('A header for the sketch: host, UUID and key as SMServer takes them'),
});

export interface KeyDeps extends Pick<ChangeDeps, 'db'> {
  readonly roleSecrets: Readonly<Record<DeviceRole, string>>;
}

/**
 * Computes the key of a device, which need not exist yet, and the header that gives it to a sketch. That it was shown is
 * audited, the key itself is kept nowhere.
 *
 * @param host where devices reach this server, with a scheme.
 * @throws AppError `validation_failed` when the role is not known, `conflict` when it is another than the one asked for.
 */
export async function showDeviceKey(
  deps: KeyDeps,
  id: string,
  request: z.output<typeof keyRequest>,
  host: string,
  origin: AuditOrigin,
): Promise<z.output<typeof keyAnswer>> {
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
  await writeAudit(deps.db, {
    ...origin,
    action: 'device.key_shown',
    subject: id,
    after: { role: ofRole, registered: device !== undefined },
  });
  const key = deviceKey(deps.roleSecrets[ofRole], id);
  return { id, role: ofRole, key, header: sketchHeader({ host, id, key, role: ofRole }) };
}
