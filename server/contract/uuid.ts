import { z } from 'zod';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** The UUID below every UUID that a device may have: where a walk in order begins. */
export const NIL_UUID = '00000000-0000-0000-0000-000000000000';
const MAX = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** True for a lower-case UUID in the RFC 9562 text form, of any version, that is neither the nil nor the max UUID. */
export function isDeviceUuid(text: string): boolean {
  return UUID.test(text) && text !== NIL_UUID && text !== MAX;
}

const TAKEN = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const FAULT = 'must be a UUID in the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, not nil or max';

/** A device's UUID as it is answered: lower case, of any version, which is more than `z.uuid()` knows. */
export const deviceId = z.string().regex(UUID).meta({ format: 'uuid' });

/** Parses a device UUID in either case into its lower-case form. */
export const deviceUuid = z
  .string()
  .regex(TAKEN, { error: FAULT, abort: true })
  .meta({ format: 'uuid' })
  .transform((text) => text.toLowerCase())
  .refine(isDeviceUuid, FAULT);
