import { and, asc, eq, gt } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';
import { devices } from '../platform/db/schema.ts';

/**
 * UUIDs of a master's agents, in order.
 *
 * @returns at most `limit` of those above `after`, and whether there are more.
 */
export async function ownAgents(
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
