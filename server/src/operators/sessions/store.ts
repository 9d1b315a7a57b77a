import { and, asc, eq, gt, lte, ne, or, sql } from 'drizzle-orm';
import type { OperatorRole } from '../../../contract/roles.ts';
import { oneOf, type Queryable } from '../../platform/db/client.ts';
import { operatorSessions, operators } from '../../platform/db/schema.ts';

/** A session ends when it was not used for this long. */
const SESSION_IDLE_MS = 12 * 3_600_000;
/** A session ends this long after the login, used or not. */
export const SESSION_LIFETIME_MS = 7 * 24 * 3_600_000;

/** Clocks of two instances may differ by so much. */
const CLOCK_TOLERANCE_MS = 60_000;

export interface SessionOwner {
  readonly sessionId: string;
  readonly operatorId: string;
  readonly username: string;
  readonly role: OperatorRole;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

export interface NewSession {
  readonly operatorId: string;
  readonly tokenHash: string;
  readonly address: string;
  readonly userAgent: string;
}

export interface SessionRecord {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
  readonly address: string;
  readonly userAgent: string;
}

function isLive(now: number) {
  return and(
    gt(operatorSessions.expiresAt, new Date(now)),
    gt(operatorSessions.lastUsedAt, new Date(now - SESSION_IDLE_MS)),
  );
}

/** The operator of a session that has not ended. */
export async function findSession(
  db: Queryable,
  tokenHash: string,
  now: number,
): Promise<SessionOwner | undefined> {
  const [owner] = await db
    .select({
      sessionId: operatorSessions.id,
      operatorId: operators.id,
      username: operators.username,
      role: operators.role,
      lastUsedAt: operatorSessions.lastUsedAt,
      expiresAt: operatorSessions.expiresAt,
    })
    .from(operatorSessions)
    .innerJoin(operators, eq(operators.id, operatorSessions.operatorId))
    .where(and(eq(operatorSessions.tokenHash, tokenHash), isLive(now)));
  return owner;
}

/** Notes the use of a session; one that a clock that was ahead has begun lasts no longer than one that begins now. */
export async function touchSession(db: Queryable, id: string, now: number): Promise<void> {
  const lasts = new Date(now + SESSION_LIFETIME_MS).toISOString();
  await db
    .update(operatorSessions)
    .set({
      lastUsedAt: new Date(now),
      expiresAt: sql`least(${operatorSessions.expiresAt}, ${lasts}::timestamptz)`,
    })
    .where(eq(operatorSessions.id, id));
}

/** Begins a session, forgets those that have ended, and takes those of a clock that was ahead as used now. */
export async function insertSession(db: Queryable, session: NewSession, now: number): Promise<string> {
  await db
    .update(operatorSessions)
    .set({ lastUsedAt: new Date(now), expiresAt: new Date(now + SESSION_LIFETIME_MS) })
    .where(gt(operatorSessions.expiresAt, new Date(now + SESSION_LIFETIME_MS + CLOCK_TOLERANCE_MS)));
  await db
    .delete(operatorSessions)
    .where(
      or(
        lte(operatorSessions.expiresAt, new Date(now)),
        lte(operatorSessions.lastUsedAt, new Date(now - SESSION_IDLE_MS)),
      ),
    );
  const [row] = await db
    .insert(operatorSessions)
    .values({
      operatorId: session.operatorId,
      tokenHash: session.tokenHash,
      address: session.address,
      userAgent: session.userAgent,
      createdAt: new Date(now),
      lastUsedAt: new Date(now),
      expiresAt: new Date(now + SESSION_LIFETIME_MS),
    })
    .returning({ id: operatorSessions.id });
  if (!row) throw new Error('insert returned no row');
  return row.id;
}

/** The sessions of an operator that have not ended, oldest first. */
export function listSessions(db: Queryable, operatorId: string, now: number): Promise<SessionRecord[]> {
  return db
    .select({
      id: operatorSessions.id,
      createdAt: operatorSessions.createdAt,
      lastUsedAt: operatorSessions.lastUsedAt,
      expiresAt: operatorSessions.expiresAt,
      address: operatorSessions.address,
      userAgent: operatorSessions.userAgent,
    })
    .from(operatorSessions)
    .where(and(eq(operatorSessions.operatorId, operatorId), isLive(now)))
    .orderBy(asc(operatorSessions.createdAt), asc(operatorSessions.id));
}

/** Keeps a session until the transaction ends. False when it has ended. */
export async function lockSession(tx: Queryable, id: string): Promise<boolean> {
  const rows = await tx
    .select({ id: operatorSessions.id })
    .from(operatorSessions)
    .where(eq(operatorSessions.id, id))
    .for('update');
  return rows.length > 0;
}

/** Ends one session of an operator. False when there is none such. */
export async function deleteSession(db: Queryable, operatorId: string, id: string): Promise<boolean> {
  const rows = await db
    .delete(operatorSessions)
    .where(and(eq(operatorSessions.operatorId, operatorId), eq(operatorSessions.id, id)))
    .returning({ id: operatorSessions.id });
  return rows.length > 0;
}

/** Ends the session of a token, whoever has it. */
export async function deleteSessionByToken(db: Queryable, tokenHash: string): Promise<void> {
  await db.delete(operatorSessions).where(eq(operatorSessions.tokenHash, tokenHash));
}

/** Ends all sessions of an operator but `keptId`. */
export async function deleteOtherSessions(
  db: Queryable,
  operatorId: string,
  keptId?: string,
): Promise<number> {
  const rows = await db
    .delete(operatorSessions)
    .where(
      and(
        eq(operatorSessions.operatorId, operatorId),
        keptId === undefined ? undefined : ne(operatorSessions.id, keptId),
      ),
    )
    .returning({ id: operatorSessions.id });
  return rows.length;
}

/** Which of these sessions have not ended. */
export async function liveSessions(db: Queryable, ids: readonly string[], now: number): Promise<string[]> {
  const rows = await db
    .select({ id: operatorSessions.id })
    .from(operatorSessions)
    .where(and(oneOf(operatorSessions.id, ids), isLive(now)));
  return rows.map(({ id }) => id);
}
