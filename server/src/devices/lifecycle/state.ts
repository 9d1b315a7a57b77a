import { eq, sql } from 'drizzle-orm';
import type { DeviceState } from '../../../contract/roles.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { devices } from '../../platform/db/schema.ts';

/** Sets the state of a locked device and raises its version. */
export async function setState(tx: Queryable, id: string, state: DeviceState): Promise<void> {
  await tx
    .update(devices)
    .set({ state, version: sql`${devices.version} + 1` })
    .where(eq(devices.id, id));
}
