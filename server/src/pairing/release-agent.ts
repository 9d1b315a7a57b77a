import type { Receipt } from '../../contract/api/broker.ts';
import { type AuditOrigin, writeAudit } from '../audit/audit.ts';
import { auditView, findDevice, lockDevice } from '../devices/device.ts';
import { inTransaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import type { ClaimDeps } from './claim-agent.ts';
import { setMaster } from './pair.ts';

/**
 * Ends the pairing of a master with one of its own agents.
 *
 * @throws AppError `wrong_device` for any other UUID, known or not.
 */
export async function releaseAgent(
  deps: Pick<ClaimDeps, 'db' | 'changes'>,
  masterId: string,
  agentId: string,
  origin: AuditOrigin,
): Promise<Receipt> {
  const enqueued = await inTransaction(deps.db, async (tx) => {
    const agent = await lockDevice(tx, agentId);
    if (agent?.masterId !== masterId) {
      throw new AppError('wrong_device', 'This is not an agent of this master.');
    }
    await setMaster(tx, agentId, null);
    await writeAudit(tx, {
      ...origin,
      action: 'device.unpaired',
      subject: agentId,
      before: auditView(agent),
      after: auditView((await findDevice(tx, agentId)) ?? agent),
    });
    return await deps.changes.enqueue(tx, [agentId, masterId], 'device.unpaired');
  });
  return await deps.changes.flush(enqueued);
}
