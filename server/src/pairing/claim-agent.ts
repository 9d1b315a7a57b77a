import { eq } from 'drizzle-orm';
import type { Receipt } from '../../contract/api/broker.ts';
import { type AuditOrigin, writeAudit } from '../audit/audit.ts';
import type { EnqueuedChange } from '../broker/changes.ts';
import { applyChange } from '../devices/change-device.ts';
import { type DeviceRow, lockDevice } from '../devices/device.ts';
import { supersededToken } from '../devices/firmware/request-token.ts';
import type { Queryable } from '../platform/db/client.ts';
import { pairingCodes } from '../platform/db/schema.ts';
import { inTransaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import { countFailure, waitSeconds } from './attempts.ts';
import { isCodeOf } from './code.ts';
import { CODE_SECONDS } from './issue-code.ts';
import { type PairingDeps, pairWith, requireMaster } from './verbs.ts';

/** The master as its token names it. */
type Bearer = Pick<DeviceRow, 'id' | 'generation'>;

interface Claim {
  readonly agentId: string;
  /** Six digits. */
  readonly code: string;
}

/**
 * Pairs a master with an agent that shows the agent's code, which is used up by it. Whether the agent is unknown, is paired
 * with another master, or has another code, the refusal is the same. An agent that is the master's own already stays so.
 *
 * @param origin names the master as the actor.
 * @throws AppError `superseded`, `revoked`, `wrong_role`, `wrong_device`, `conflict` for a master that is full, `rate_limited`.
 */
export async function claimAgent(
  deps: PairingDeps,
  bearer: Bearer,
  claim: Claim,
  origin: AuditOrigin,
): Promise<Receipt> {
  const outcome = await inTransaction(deps.db, (tx) => tryClaim(tx, deps, bearer, claim, origin));
  if (outcome instanceof AppError) throw outcome;
  return await deps.changes.flush(outcome);
}

/** Returns the refusals that leave something behind, which throwing would roll back. */
async function tryClaim(
  tx: Queryable,
  deps: PairingDeps,
  { id: masterId, generation }: Bearer,
  { agentId, code }: Claim,
  origin: AuditOrigin,
): Promise<EnqueuedChange | AppError> {
  const now = deps.clock.now();
  const locked = await lockDevice(tx, masterId);
  // The body may have been held back until the token was replaced.
  if (locked?.generation !== generation) throw new AppError('superseded', supersededToken);
  const master = requireMaster(locked);
  if (master.state !== 'active') throw new AppError('revoked', 'This device has been revoked.');
  const retryAfterSeconds = await waitSeconds(tx, masterId, now);
  if (retryAfterSeconds > 0) {
    throw new AppError('rate_limited', 'Too many wrong pairing codes.', { retryAfterSeconds });
  }
  const agent = agentId === masterId ? undefined : await lockDevice(tx, agentId);
  if (agent?.masterId !== masterId) {
    const valid = isCodeOf(await validHash(tx, agentId, now), deps.codeSecret, agentId, code);
    if (!agent || !valid || !mayBePaired(agent)) {
      await countFailure(tx, masterId, agentId, now);
      await writeAudit(tx, { ...origin, action: 'device.pairing_refused', subject: agentId });
      return new AppError('wrong_device', 'No agent with this UUID has this pairing code.');
    }
  }
  return (await applyChange(tx, deps, agent, origin, pairWith(master))).enqueued;
}

async function validHash(tx: Queryable, agentId: string, now: number): Promise<string | undefined> {
  const [row] = await tx
    .select({ codeHash: pairingCodes.codeHash, expiresAt: pairingCodes.expiresAt })
    .from(pairingCodes)
    .where(eq(pairingCodes.agentId, agentId));
  const leftMs = row ? row.expiresAt.getTime() - now : 0;
  // One that lasts longer than any was issued by a clock that was ahead.
  return row && leftMs > 0 && leftMs <= 2 * CODE_SECONDS * 1_000 ? row.codeHash : undefined;
}

function mayBePaired(agent: DeviceRow): boolean {
  return agent.role === 'agent' && agent.state === 'active' && agent.masterId === null;
}
