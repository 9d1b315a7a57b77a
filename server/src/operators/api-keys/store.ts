import { and, eq, gt, isNull, or } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import { apiKeys, type OperatorRole } from '../../platform/db/schema.ts';

export interface ApiKeyHolder {
  readonly id: string;
  readonly name: string;
  readonly role: OperatorRole;
  readonly lastUsedAt: Date | null;
}

/** The key of a hash, unless it has expired. */
export async function findApiKey(
  db: Queryable,
  keyHash: string,
  now: number,
): Promise<ApiKeyHolder | undefined> {
  const [holder] = await db
    .select({ id: apiKeys.id, name: apiKeys.name, role: apiKeys.role, lastUsedAt: apiKeys.lastUsedAt })
    .from(apiKeys)
    .where(
      and(eq(apiKeys.keyHash, keyHash), or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, new Date(now)))),
    );
  return holder;
}

export async function touchApiKey(db: Queryable, id: string, now: number): Promise<void> {
  await db
    .update(apiKeys)
    .set({ lastUsedAt: new Date(now) })
    .where(eq(apiKeys.id, id));
}
