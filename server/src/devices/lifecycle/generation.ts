import { eq, sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import { devices, usernameBans } from '../../platform/db/schema.ts';
import { mqttUsername } from '../../tokens/token.ts';
import type { DevicesDeps } from '../change-device.ts';
import type { DeviceRow } from '../device.ts';

/** A token request that read the generation just before it was raised may issue its token just after. */
const LATE_TOKEN_MS = 60_000;

/** Has the broker refuse the user name of the device's generation until its last token has expired. */
export async function banGeneration(
  tx: Queryable,
  deps: Pick<DevicesDeps, 'clock' | 'tokenTtlSeconds'>,
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

/** Raises the generation of a locked device and makes it active: every token from before is dead. */
export async function raiseGeneration(
  tx: Queryable,
  deps: Pick<DevicesDeps, 'clock' | 'tokenTtlSeconds'>,
  device: Pick<DeviceRow, 'id' | 'generation'>,
): Promise<void> {
  await banGeneration(tx, deps, device);
  await tx
    .update(devices)
    .set({
      state: 'active',
      generation: sql`${devices.generation} + 1`,
      version: sql`${devices.version} + 1`,
    })
    .where(eq(devices.id, device.id));
}
