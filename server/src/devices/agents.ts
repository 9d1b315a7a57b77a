import { and, asc, eq, gt, sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';
import { devices } from '../platform/db/schema.ts';

/**
 * UUIDs of a master's agents, in order.
 *
 * @returns at most `limit` of those above `after`, and whether there are more.
 */
export async function agentIds(
  db: Queryable,
  masterId: string,
  after: string | undefined,
  limit: number,
): Promise<{ readonly ids: readonly string[]; readonly more: boolean }> {
  const rows = await db
    .select({ id: devices.id })
    .from(devices)
    .where(and(eq(devices.masterId, masterId), after === undefined ? undefined : gt(devices.id, after)))
    .orderBy(asc(devices.id))
    .limit(limit + 1);
  return { ids: rows.slice(0, limit).map(({ id }) => id), more: rows.length > limit };
}

/** Ends the pairings of a locked master; returns the ids of its former agents. */
export async function unpairAgents(tx: Queryable, masterId: string): Promise<string[]> {
  const locked = await tx
    .select({ id: devices.id })
    .from(devices)
    .where(eq(devices.masterId, masterId))
    .orderBy(asc(devices.id))
    .for('update');
  if (locked.length > 0) {
    await tx
      .update(devices)
      .set({ masterId: null, version: sql`${devices.version} + 1` })
      .where(eq(devices.masterId, masterId));
  }
  return locked.map(({ id }) => id);
}
