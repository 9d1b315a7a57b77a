import { eq } from 'drizzle-orm';
import type { Receipt } from '../../contract/api/broker.ts';
import { type AuditOrigin, writeAudit } from '../audit/audit.ts';
import type { BrokerChanges, EnqueuedChange } from '../broker/changes.ts';
import { auditView, type DeviceRow, findDevice, lockDevice } from '../devices/device.ts';
import type { Queryable } from '../platform/db/client.ts';
import { pairingCodes } from '../platform/db/schema.ts';
import { inTransaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import { countFailure, waitSeconds } from './attempts.ts';
import { isCodeOf } from './code.ts';
import type { PairingDeps } from './issue-code.ts';
import { MAX_AGENTS, setMaster } from './pair.ts';

export interface ClaimDeps extends PairingDeps {
  readonly changes: BrokerChanges;
}

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
 * @throws AppError `wrong_role`, `wrong_device`, `conflict` for a master that is full, `rate_limited`.
 */
export async function claimAgent(
  deps: ClaimDeps,
  masterId: string,
  claim: Claim,
  origin: AuditOrigin,
): Promise<Receipt> {
  const outcome = await inTransaction(deps.db, (tx) => tryClaim(tx, deps, masterId, claim, origin));
  if (outcome instanceof AppError) throw outcome;
  return await deps.changes.flush(outcome);
}

/** Returns the refusals that leave something behind, which throwing would roll back. */
async function tryClaim(
  tx: Queryable,
  deps: ClaimDeps,
  masterId: string,
  { agentId, code }: Claim,
  origin: AuditOrigin,
): Promise<EnqueuedChange | AppError> {
  const now = deps.clock.now();
  const master = await lockDevice(tx, masterId);
  if (master?.role !== 'master') throw new AppError('wrong_role', 'Only a master has agents.');
  if (master.state !== 'active') throw new AppError('revoked', 'This device has been revoked.');
  const retryAfterSeconds = await waitSeconds(tx, masterId, now);
  if (retryAfterSeconds > 0) {
    throw new AppError('rate_limited', 'Too many wrong pairing codes.', { retryAfterSeconds });
  }
  const agent = agentId === masterId ? undefined : await lockDevice(tx, agentId);
  if (agent?.masterId === masterId)
    return await deps.changes.enqueue(tx, [agentId, masterId], 'device.paired');
  const valid = isCodeOf(await validHash(tx, agentId, now), deps.codeSecret, agentId, code);
  if (!agent || !valid || !mayBePaired(agent)) {
    await countFailure(tx, masterId, agentId, now);
    await writeAudit(tx, { ...origin, action: 'device.pairing_refused', subject: agentId });
    return new AppError('wrong_device', 'No agent of this UUID waits with this code.');
  }
  if ((master.agents ?? 0) >= MAX_AGENTS) {
    throw new AppError('conflict', `This master has ${MAX_AGENTS} agents, the most it can have.`);
  }
  await setMaster(tx, agentId, masterId);
  const after = (await findDevice(tx, agentId)) ?? agent;
  await writeAudit(tx, {
    ...origin,
    action: 'device.paired',
    subject: agentId,
    before: auditView(agent),
    after: auditView(after),
  });
  return await deps.changes.enqueue(tx, [agentId, masterId], 'device.paired');
}

async function validHash(tx: Queryable, agentId: string, now: number): Promise<string | undefined> {
  const [row] = await tx
    .select({ codeHash: pairingCodes.codeHash, expiresAt: pairingCodes.expiresAt })
    .from(pairingCodes)
    .where(eq(pairingCodes.agentId, agentId));
  return row && row.expiresAt.getTime() > now ? row.codeHash : undefined;
}

function mayBePaired(agent: DeviceRow): boolean {
  return agent.role === 'agent' && agent.state === 'active' && agent.masterId === null;
}
