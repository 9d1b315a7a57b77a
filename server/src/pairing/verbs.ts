import { eq } from 'drizzle-orm';
import type { Receipt } from '../../contract/api/broker.ts';
import type { AuditOrigin } from '../audit/audit.ts';
import type { BrokerChanges } from '../broker/changes.ts';
import {
  applyChange,
  type Change,
  type ChangeRequest,
  changeDevice,
  unknownDevice,
} from '../devices/change-device.ts';
import { type ChangeOutcome, type DeviceRow, lockDevice, updateDevice } from '../devices/device.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Queryable } from '../platform/db/client.ts';
import { pairingCodes } from '../platform/db/schema.ts';
import { inTransaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import type { Random } from '../platform/random.ts';

/** What the verbs of pairing need. */
export interface PairingDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly changes: BrokerChanges;
  /** Keys the hashes of pairing codes. */
  readonly codeSecret: string;
}

/** Rules of a master that the broker holds: one for each agent, below the broker's own limit of 10,000. */
const MAX_AGENTS = 9_000;

/**
 * Pairs an agent with a master, moving it from its current one; links open and close on devices that stay
 * connected.
 *
 * @throws AppError `not_found`, `precondition_failed`, and `conflict` as `pairWith`.
 */
export function pairDevices(
  deps: Pick<PairingDeps, 'db' | 'changes'>,
  agentId: string,
  masterId: string,
  request: ChangeRequest,
): Promise<ChangeOutcome> {
  let master: DeviceRow | undefined;
  return changeDevice(deps, agentId, request, {
    action: 'device.paired',
    // Before the agent: a transaction that locks several devices takes masters first.
    async lockBefore(tx) {
      master = await lockDevice(tx, masterId);
    },
    apply(tx, agent) {
      if (!master) throw unknownDevice(masterId);
      return pairWith(master).apply(tx, agent);
    },
  });
}

/**
 * Ends the pairing of an agent, whatever its state.
 *
 * @throws AppError `not_found`, `precondition_failed`, and `conflict` for a master.
 */
export function unpairDevice(
  deps: Pick<PairingDeps, 'db' | 'changes'>,
  agentId: string,
  request: ChangeRequest,
): Promise<ChangeOutcome> {
  return changeDevice(deps, agentId, request, unpairing);
}

/**
 * Ends the pairing of a master with one of its own agents.
 *
 * @param origin names the master as the actor.
 * @throws AppError `wrong_device` for any other UUID, known or not.
 */
export async function releaseAgent(
  deps: Pick<PairingDeps, 'db' | 'changes'>,
  masterId: string,
  agentId: string,
  origin: AuditOrigin,
): Promise<Receipt> {
  const { enqueued } = await inTransaction(deps.db, async (tx) => {
    const agent = await lockDevice(tx, agentId);
    if (agent?.masterId !== masterId) throw new AppError('wrong_device', 'Not an agent of this master.');
    return await applyChange(tx, deps, agent, origin, unpairing);
  });
  return await deps.changes.flush(enqueued);
}

/**
 * The pairing of a locked agent with a locked master, whoever asks for it.
 *
 * @throws AppError `conflict` for a wrong role, a device that is not active, or a master that is full.
 */
export function pairWith(master: DeviceRow): Change {
  return {
    action: 'device.paired',
    async apply(tx, agent) {
      requireAgent(agent);
      if (master.role !== 'master') throw new AppError('conflict', `${master.id} is an agent, not a master.`);
      if (agent.masterId === master.id) return { changed: false, others: [master.id] };
      for (const { id, state } of [agent, master]) {
        if (state !== 'active') throw new AppError('conflict', `${id} is ${state}.`);
      }
      if ((master.agents ?? 0) >= MAX_AGENTS) {
        throw new AppError('conflict', `The master has ${MAX_AGENTS} agents, the maximum.`);
      }
      await setMaster(tx, agent.id, master.id);
      // The old master first: revoking comes before granting.
      return { changed: true, others: [...(agent.masterId === null ? [] : [agent.masterId]), master.id] };
    },
  };
}

const unpairing: Change = {
  action: 'device.unpaired',
  async apply(tx, agent) {
    requireAgent(agent);
    if (agent.masterId === null) return { changed: false };
    await setMaster(tx, agent.id, null);
    return { changed: true, others: [agent.masterId] };
  },
};

/** @throws AppError `wrong_role` for a device that is not a master. */
export function requireMaster<Device extends Pick<DeviceRow, 'role'>>(device: Device | undefined): Device {
  if (device?.role !== 'master') throw new AppError('wrong_role', 'Requires a master.');
  return device;
}

function requireAgent({ id, role }: DeviceRow): void {
  if (role !== 'agent') throw new AppError('conflict', `${id} is a master, not an agent.`);
}

/** A pairing code that the agent may have is used up. */
async function setMaster(tx: Queryable, agentId: string, masterId: string | null): Promise<void> {
  await updateDevice(tx, agentId, { masterId });
  await tx.delete(pairingCodes).where(eq(pairingCodes.agentId, agentId));
}
