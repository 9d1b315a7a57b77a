import { isDeviceUuid } from '../../contract/uuid.ts';
import { mqttUsername } from '../tokens/token.ts';
import { ownersOf } from './device-store.ts';
import { type ClientSession, eachPage } from './emqx-devices.ts';
import type { DeviceReconcileDeps } from './reconcile-devices.ts';
import type { DeviceCounts } from './report.ts';

/** Told, page by page, of the devices that are connected; `finish` after the last page. */
export interface PresenceCorrection {
  page(connected: readonly { readonly id: string; readonly connectedAt: number }[]): Promise<void>;
  finish(): Promise<void>;
}

/**
 * Compares the sessions on the broker with the devices: ends those of a device that is unknown, not active, or has
 * moved to another generation. What is connected corrects the presence of devices.
 *
 * @returns how many sessions of devices there are.
 */
export async function reconcileSessions(
  deps: DeviceReconcileDeps,
  presence: PresenceCorrection,
  counts: DeviceCounts,
): Promise<number> {
  let sessions = 0;
  const wrong: string[] = [];
  for await (const data of eachPage(deps.emqx.sessionsPage)) {
    const ours = data.filter(({ clientid }) => isDeviceUuid(clientid));
    sessions += ours.length;
    const owners = await ownersOf(
      deps.db,
      ours.map(({ clientid }) => clientid),
    );
    const usernames = new Map(
      owners
        .filter(({ state }) => state === 'active')
        .map(({ id, generation }) => [id, mqttUsername(id, generation)]),
    );
    const isGood = ({ clientid, username }: ClientSession) => usernames.get(clientid) === username;
    for (const session of ours) if (!isGood(session)) wrong.push(session.clientid);
    if (deps.repair) await presence.page(ours.filter(isGood).flatMap(connectedDevice));
  }
  // A device can have registered between the two looks: the synchronisation reads again before it ends anything.
  if (deps.repair) for (const id of wrong) await deps.sync(id);
  counts.sessionsEnded += wrong.length;
  if (deps.repair) await presence.finish();
  return sessions;
}

function connectedDevice(session: ClientSession): { id: string; connectedAt: number }[] {
  if (!session.connected || session.connectedAt === undefined) return [];
  return [{ id: session.clientid, connectedAt: session.connectedAt }];
}
