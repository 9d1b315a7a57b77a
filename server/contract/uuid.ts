import { z } from 'zod';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** The UUID below every UUID that a device may have: where a walk in order begins. */
export const NIL_UUID = '00000000-0000-0000-0000-000000000000';
const MAX = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** True for a lower-case UUID in the RFC 9562 text form, of any version, that is neither the nil nor the max UUID. */
export function isDeviceUuid(text: string): boolean {
  return UUID.test(text) && text !== NIL_UUID && text !== MAX;
}

/** Parses a device UUID in either case into its lower-case form. */
export const deviceUuid = z
  .string()
  .meta({ format: 'uuid' })
  .transform((text) => text.toLowerCase())
  .refine(isDeviceUuid, 'must be a UUID in the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, not nil or max');
