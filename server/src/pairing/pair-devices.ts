import {
  type ChangeRequest,
  changeDevice,
  type DevicesDeps,
  unknownDevice,
} from '../devices/change-device.ts';
import { type ChangeOutcome, type DeviceRow, lockDevice } from '../devices/device.ts';
import { AppError } from '../platform/errors.ts';
import { MAX_AGENTS, setMaster } from './pair.ts';

/**
 * Pairs an agent with a master, away from the one it has if need be; links work, and stop working, on devices that stay
 * connected.
 *
 * @throws AppError `not_found`, `precondition_failed`, and `conflict` for a wrong role, a device that is not active, or a
 *   master that is full.
 */
export function pairDevices(
  deps: DevicesDeps,
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
    async change(tx, agent) {
      if (!master) throw unknownDevice(masterId);
      if (agent.role !== 'agent') throw new AppError('conflict', `${agentId} is a master, not an agent.`);
      if (master.role !== 'master') throw new AppError('conflict', `${masterId} is an agent, not a master.`);
      if (agent.masterId === masterId) return { changed: false, others: [masterId] };
      for (const { id, state } of [agent, master]) {
        if (state !== 'active') throw new AppError('conflict', `${id} is ${state}.`);
      }
      if ((master.agents ?? 0) >= MAX_AGENTS) {
        throw new AppError('conflict', `The master has ${MAX_AGENTS} agents, the most it can have.`);
      }
      await setMaster(tx, agentId, masterId);
      // The old master first: what takes away comes before what gives.
      return { changed: true, others: [...(agent.masterId === null ? [] : [agent.masterId]), masterId] };
    },
  });
}

/**
 * Ends the pairing of an agent, whatever its state.
 *
 * @throws AppError `not_found`, `precondition_failed`, and `conflict` for a master.
 */
export function unpairDevice(
  deps: DevicesDeps,
  agentId: string,
  request: ChangeRequest,
): Promise<ChangeOutcome> {
  return changeDevice(deps, agentId, request, {
    action: 'device.unpaired',
    async change(tx, agent) {
      if (agent.role !== 'agent') throw new AppError('conflict', `${agentId} is a master, not an agent.`);
      if (agent.masterId === null) return { changed: false };
      await setMaster(tx, agentId, null);
      return { changed: true, others: [agent.masterId] };
    },
  });
}
