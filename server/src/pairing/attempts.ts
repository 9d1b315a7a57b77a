import { eq, sql } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';
import { pairingCodes, quotas } from '../platform/db/schema.ts';

/** Wrong codes that end a code. */
const ATTEMPTS_PER_CODE = 5;
const WINDOW_MS = 10 * 60_000;
/** Wrong codes of one master, whichever agents it tries. */
export const WRONG_CODES = { limit: 10, windowMs: WINDOW_MS } as const;

/** Seconds that a master has to wait after too many wrong codes; 0 where it may try. Its row has to be locked. */
export async function waitSeconds(tx: Queryable, masterId: string, now: number): Promise<number> {
  const [quota] = await tx
    .select({ windowStart: quotas.windowStart, used: quotas.used })
    .from(quotas)
    .where(eq(quotas.name, quotaName(masterId)));
  const endsAt = (quota?.windowStart.getTime() ?? 0) + WINDOW_MS;
  // A window that begins in the future was opened by a wrong clock.
  const isOpen = quota && endsAt > now && quota.windowStart.getTime() <= now + WINDOW_MS;
  if (!isOpen || quota.used < WRONG_CODES.limit) return 0;
  return Math.ceil((endsAt - now) / 1000);
}

/** Counts a wrong code against the master, and against the agent's code, which too many of them end. */
export async function countFailure(
  tx: Queryable,
  masterId: string,
  agentId: string,
  now: number,
): Promise<void> {
  const windowStart = new Date(now);
  const over = sql`(${quotas.windowStart} <= ${new Date(now - WINDOW_MS).toISOString()}::timestamptz
    or ${quotas.windowStart} > ${new Date(now + WINDOW_MS).toISOString()}::timestamptz)`;
  await tx
    .insert(quotas)
    .values({ name: quotaName(masterId), windowStart, used: 1 })
    .onConflictDoUpdate({
      target: quotas.name,
      set: {
        used: sql`case when ${over} then 1 else ${quotas.used} + 1 end`,
        windowStart: sql`case when ${over} then excluded.window_start else ${quotas.windowStart} end`,
      },
    });
  const [code] = await tx
    .update(pairingCodes)
    .set({ failedAttempts: sql`${pairingCodes.failedAttempts} + 1` })
    .where(eq(pairingCodes.agentId, agentId))
    .returning({ failedAttempts: pairingCodes.failedAttempts });
  if (code && code.failedAttempts >= ATTEMPTS_PER_CODE) {
    await tx.delete(pairingCodes).where(eq(pairingCodes.agentId, agentId));
  }
}

function quotaName(masterId: string): string {
  return `pairing:${masterId}`;
}
