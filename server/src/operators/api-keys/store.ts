import { and, asc, eq, gt, isNull, or, sql } from 'drizzle-orm';
import type { OperatorRole } from '../../../contract/roles.ts';
import { oneOf, type Queryable } from '../../platform/db/client.ts';
import { apiKeys, operators } from '../../platform/db/schema.ts';
import { AppError } from '../../platform/errors.ts';

interface ApiKeyHolder {
  readonly id: string;
  readonly name: string;
  readonly role: OperatorRole;
  readonly lastUsedAt: Date | null;
}

export interface ApiKeyRecord extends ApiKeyHolder {
  readonly prefix: string;
  readonly createdBy: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

interface NewApiKey {
  readonly name: string;
  readonly keyHash: string;
  readonly prefix: string;
  readonly role: OperatorRole;
  /** The operator who created the key, if they still exist. */
  readonly createdBy: string | null;
  readonly expiresAt: Date | null;
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
    .where(and(eq(apiKeys.keyHash, keyHash), isNotExpired(now)));
  return holder;
}

export async function touchApiKey(db: Queryable, id: string, now: number): Promise<void> {
  await db
    .update(apiKeys)
    .set({ lastUsedAt: new Date(now) })
    .where(eq(apiKeys.id, id));
}

/** Keys by name, from behind `after`, those that have expired included. */
export function listApiKeys(
  db: Queryable,
  after: string | undefined,
  limit: number,
): Promise<ApiKeyRecord[]> {
  return db
    .select({
      id: apiKeys.id,
      name: apiKeys.name,
      prefix: apiKeys.prefix,
      role: apiKeys.role,
      createdBy: operators.username,
      createdAt: apiKeys.createdAt,
      expiresAt: apiKeys.expiresAt,
      lastUsedAt: apiKeys.lastUsedAt,
    })
    .from(apiKeys)
    .leftJoin(operators, eq(operators.id, apiKeys.createdBy))
    .where(after === undefined ? undefined : gt(apiKeys.name, after))
    .orderBy(asc(apiKeys.name))
    .limit(limit);
}

export async function countApiKeys(db: Queryable): Promise<number> {
  return await db.$count(apiKeys);
}

/**
 * Who created a key, so that the keys it creates go with the same operator.
 *
 * @throws AppError `bad_credential` when the key is gone.
 */
export async function creatorOf(db: Queryable, id: string): Promise<string | null> {
  const [row] = await db.select({ createdBy: apiKeys.createdBy }).from(apiKeys).where(eq(apiKeys.id, id));
  if (!row) throw new AppError('bad_credential', 'The API key has been revoked.');
  return row.createdBy;
}

/** Keeps a key until the transaction ends. False when it is gone or has expired. */
export async function lockApiKey(tx: Queryable, id: string, now: number): Promise<boolean> {
  const rows = await tx
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.id, id), isNotExpired(now)))
    .for('share');
  return rows.length > 0;
}

/** Adds a key. Nothing when the name is taken. */
export async function insertApiKey(
  db: Queryable,
  key: NewApiKey,
  now: number,
): Promise<ApiKeyRecord | undefined> {
  const [row] = await db
    .insert(apiKeys)
    .values({
      name: key.name,
      keyHash: key.keyHash,
      prefix: key.prefix,
      role: key.role,
      createdBy: key.createdBy,
      createdAt: new Date(now),
      expiresAt: key.expiresAt,
    })
    .onConflictDoNothing({ target: apiKeys.name })
    .returning({
      id: apiKeys.id,
      name: apiKeys.name,
      prefix: apiKeys.prefix,
      role: apiKeys.role,
      createdBy: sql<
        string | null
      >`(select ${operators.username} from ${operators} where ${operators.id} = ${key.createdBy}::uuid)`,
      createdAt: apiKeys.createdAt,
      expiresAt: apiKeys.expiresAt,
      lastUsedAt: apiKeys.lastUsedAt,
    });
  return row;
}

/** Removes a key; what it was, or nothing when there is none such. */
export async function deleteApiKey(
  db: Queryable,
  id: string,
): Promise<{ readonly name: string; readonly prefix: string; readonly role: OperatorRole } | undefined> {
  const [row] = await db
    .delete(apiKeys)
    .where(eq(apiKeys.id, id))
    .returning({ name: apiKeys.name, prefix: apiKeys.prefix, role: apiKeys.role });
  return row;
}

/** Which of these keys still authenticate. */
export async function validKeys(db: Queryable, ids: readonly string[], now: number): Promise<string[]> {
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(oneOf(apiKeys.id, ids), isNotExpired(now)));
  return rows.map(({ id }) => id);
}

function isNotExpired(now: number) {
  return or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, new Date(now)));
}
