import { eq, sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';
import { devices, pairingCodes } from '../platform/db/schema.ts';

/** Rules of a master that the broker holds: one for each agent, below the broker's own limit of 10,000. */
export const MAX_AGENTS = 9_000;

/** Gives a locked agent a master, locked too, or none. A pairing code that it may have is used up. */
export async function setMaster(tx: Queryable, agentId: string, masterId: string | null): Promise<void> {
  await tx
    .update(devices)
    .set({ masterId, version: sql`${devices.version} + 1` })
    .where(eq(devices.id, agentId));
  await tx.delete(pairingCodes).where(eq(pairingCodes.agentId, agentId));
}
