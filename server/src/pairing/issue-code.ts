import { sql } from 'drizzle-orm';
import { lockDevice } from '../devices/device.ts';
import { pairingCodes } from '../platform/db/schema.ts';
import { inTransaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import { hashCode, randomCode } from './code.ts';
import type { PairingDeps } from './verbs.ts';

export const CODE_SECONDS = 300;

/**
 * Gives an agent a new one-time code, which replaces the one before, by which it agrees to be paired.
 *
 * @throws AppError `wrong_role` for a master, `conflict` for an agent that is paired already.
 */
export function issuePairingCode(
  deps: PairingDeps,
  agentId: string,
): Promise<{ readonly code: string; readonly expiresInSeconds: number }> {
  return inTransaction(deps.db, async (tx) => {
    const agent = await lockDevice(tx, agentId);
    if (agent?.role !== 'agent') throw new AppError('wrong_role', 'Pairing codes are for agents.');
    if (agent.masterId !== null) throw new AppError('conflict', 'This agent is already paired.');
    const code = randomCode(deps.random);
    const codeHash = hashCode(deps.codeSecret, agentId, code);
    const expiresAt = new Date(deps.clock.now() + CODE_SECONDS * 1000);
    await tx
      .insert(pairingCodes)
      .values({ agentId, codeHash, expiresAt })
      .onConflictDoUpdate({
        target: pairingCodes.agentId,
        set: { codeHash: sql`excluded.code_hash`, expiresAt: sql`excluded.expires_at`, failedAttempts: 0 },
      });
    return { code, expiresInSeconds: CODE_SECONDS };
  });
}
