import { and, asc, count, eq, gt, sql } from 'drizzle-orm';
import type { OperatorRole } from '../../../contract/roles.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { apiKeys, operators } from '../../platform/db/schema.ts';

export interface OperatorRecord {
  readonly id: string;
  readonly username: string;
  readonly role: OperatorRole;
  readonly version: number;
  readonly createdAt: Date;
}

interface OperatorSecret {
  readonly id: string;
  readonly username: string;
  readonly role: OperatorRole;
  readonly passwordHash: string;
}

interface NewOperator {
  readonly username: string;
  readonly passwordHash: string;
  readonly role: OperatorRole;
}

const record = {
  id: operators.id,
  username: operators.username,
  role: operators.role,
  version: operators.version,
  createdAt: operators.createdAt,
};

export async function countOperators(db: Queryable): Promise<number> {
  const [row] = await db.select({ operators: count() }).from(operators);
  return row?.operators ?? 0;
}

export async function findOperator(db: Queryable, id: string): Promise<OperatorRecord | undefined> {
  const [operator] = await db.select(record).from(operators).where(eq(operators.id, id));
  return operator;
}

const secretRecord = {
  id: operators.id,
  username: operators.username,
  role: operators.role,
  passwordHash: operators.passwordHash,
};

/** By user name, in lower case, with the hash of the password. */
export async function findForLogin(db: Queryable, username: string): Promise<OperatorSecret | undefined> {
  const [operator] = await db.select(secretRecord).from(operators).where(eq(operators.username, username));
  return operator;
}

/**
 * Locks an operator whose password was compared before the transaction began. Comparing takes long enough for the
 * password to be replaced, or the operator to be removed, meanwhile.
 *
 * @param passwordHash the hash that the password matched.
 * @returns the operator as it is now, or nothing where it has another password or is gone.
 */
export async function lockVerified(
  tx: Queryable,
  id: string,
  passwordHash: string,
): Promise<OperatorSecret | undefined> {
  const [operator] = await tx.select(secretRecord).from(operators).where(eq(operators.id, id)).for('update');
  return operator?.passwordHash === passwordHash ? operator : undefined;
}

/** The role of an operator, who keeps it until the transaction ends. Nothing when they are gone. */
export async function lockRole(tx: Queryable, id: string): Promise<OperatorRole | undefined> {
  const [operator] = await tx
    .select({ role: operators.role })
    .from(operators)
    .where(eq(operators.id, id))
    .for('share');
  return operator?.role;
}

/** Operators by user name, from behind `after`. */
export function listOperators(
  db: Queryable,
  after: string | undefined,
  limit: number,
): Promise<OperatorRecord[]> {
  return db
    .select(record)
    .from(operators)
    .where(after === undefined ? undefined : gt(operators.username, after))
    .orderBy(asc(operators.username))
    .limit(limit);
}

/** Adds an operator. Nothing when the user name is taken. */
export async function insertOperator(
  db: Queryable,
  operator: NewOperator,
  now: number,
): Promise<OperatorRecord | undefined> {
  const [row] = await db
    .insert(operators)
    .values({
      username: operator.username,
      passwordHash: operator.passwordHash,
      role: operator.role,
      createdAt: new Date(now),
    })
    .onConflictDoNothing({ target: operators.username })
    .returning(record);
  return row;
}

/** Locks an operator, and before it all administrators, so that two changes at once cannot remove the last two of them. */
export async function lockOperator(
  tx: Queryable,
  id: string,
): Promise<{ operator: OperatorRecord | undefined; administrators: number }> {
  const administrators = await tx
    .select({ id: operators.id })
    .from(operators)
    .where(eq(operators.role, 'admin'))
    .orderBy(asc(operators.id))
    .for('update');
  const [operator] = await tx.select(record).from(operators).where(eq(operators.id, id)).for('update');
  return { operator, administrators: administrators.length };
}

export async function updateOperator(
  tx: Queryable,
  id: string,
  change: { readonly role?: OperatorRole | undefined; readonly passwordHash?: string | undefined },
): Promise<OperatorRecord> {
  const [row] = await tx
    .update(operators)
    .set({
      ...(change.role === undefined ? {} : { role: change.role }),
      ...(change.passwordHash === undefined ? {} : { passwordHash: change.passwordHash }),
      version: sql`${operators.version} + 1`,
    })
    .where(eq(operators.id, id))
    .returning(record);
  if (!row) throw new Error('the operator is gone though its row is locked');
  return row;
}

export async function deleteOperator(tx: Queryable, id: string): Promise<void> {
  await tx.delete(operators).where(eq(operators.id, id));
}

/** Removes the API keys that an operator knows, or those of one role; the names of those that were. */
export async function deleteKeysOf(
  tx: Queryable,
  operatorId: string,
  role?: OperatorRole,
): Promise<readonly { readonly id: string; readonly name: string }[]> {
  return await tx
    .delete(apiKeys)
    .where(and(eq(apiKeys.createdBy, operatorId), role === undefined ? undefined : eq(apiKeys.role, role)))
    .returning({ id: apiKeys.id, name: apiKeys.name });
}
