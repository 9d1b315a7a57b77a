import { sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import { usernameBans } from '../../platform/db/schema.ts';
import { mqttUsername } from '../../tokens/token.ts';
import type { ChangeDeps } from '../change-device.ts';
import { type DeviceRow, updateDevice } from '../device.ts';

/** A token request that read the generation just before it was raised may issue its token just after. */
const LATE_TOKEN_MS = 60_000;

/** Has the broker refuse the user name of the device's generation until its last token has expired. */
export async function banGeneration(
  tx: Queryable,
  deps: Pick<ChangeDeps, 'clock' | 'tokenTtlSeconds'>,
  device: Pick<DeviceRow, 'id' | 'generation'>,
): Promise<void> {
  const until = new Date(deps.clock.now() + deps.tokenTtlSeconds * 1000 + LATE_TOKEN_MS);
  await tx
    .insert(usernameBans)
    .values({ username: mqttUsername(device.id, device.generation), deviceId: device.id, until })
    .onConflictDoUpdate({
      target: usernameBans.username,
      set: { until: sql`greatest(${usernameBans.until}, excluded.until)` },
    });
}

/**
 * Raises the generation of a locked device and makes it active: every earlier token is invalid.
 *
 * @param keyNumber replaces its device key where it is another than before.
 */
export async function raiseGeneration(
  tx: Queryable,
  deps: Pick<ChangeDeps, 'clock' | 'tokenTtlSeconds'>,
  device: Pick<DeviceRow, 'id' | 'generation' | 'keyNumber'>,
  keyNumber = device.keyNumber,
): Promise<void> {
  await banGeneration(tx, deps, device);
  await updateDevice(tx, device.id, { state: 'active', generation: device.generation + 1, keyNumber });
}
