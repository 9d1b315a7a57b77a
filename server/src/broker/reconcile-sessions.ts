import { isDeviceUuid } from '../../contract/uuid.ts';
import { inParallel } from '../platform/parallel.ts';
import { mqttUsername } from '../tokens/token.ts';
import { linkRules, ownersOf } from './device-store.ts';
import { endSubscriptions } from './device-sync.ts';
import { type ClientSession, eachPage } from './emqx-devices.ts';
import { type DeviceReconcileDeps, PARALLEL } from './reconcile-devices.ts';
import type { DeviceCounts } from './report.ts';

export interface ListedDevice {
  readonly id: string;
  /** Unix milliseconds, by the broker's clock. */
  readonly connectedAt: number;
}

/** Told, page by page, of the devices that are connected. */
export interface PresenceCorrection {
  /** Called before the first page is read. */
  begin(): Promise<void>;
  page(connected: readonly ListedDevice[]): Promise<void>;
  /** Called after the last page. `lookUp` asks the broker for a device by itself; nothing when it is not connected. */
  finish(lookUp: (id: string) => Promise<ListedDevice | undefined>): Promise<void>;
}

interface SessionDeps extends DeviceReconcileDeps {
  readonly presence: PresenceCorrection;
  /** Whether subscriptions may be left that are not allowed. */
  readonly checkSubscriptions: boolean;
}

/**
 * Compares the sessions on the broker with the devices, and ends those of a device that is unknown, not active, or has
 * moved to another generation, and, whoever they are, those that never showed a token: EMQX takes any CONNECT for a moment
 * at each boot. What is connected corrects the presence of devices.
 *
 * @returns how many sessions of devices there are.
 */
export async function reconcileSessions(deps: SessionDeps, counts: DeviceCounts): Promise<number> {
  const { emqx, presence } = deps;
  let sessions = 0;
  const wrong: string[] = [];
  const withoutToken: string[] = [];
  if (deps.repair) await presence.begin();
  for await (const data of eachPage(emqx.sessionsPage)) {
    const ours = data.filter(({ clientid }) => isDeviceUuid(clientid));
    sessions += ours.length;
    const usernames = await activeUsernames(deps, ours);
    const good: ClientSession[] = [];
    for (const session of data) {
      if (session.connected && !session.authenticated) withoutToken.push(session.clientid);
      else if (!isDeviceUuid(session.clientid)) continue;
      else if (usernames.get(session.clientid) !== session.username) wrong.push(session.clientid);
      else good.push(session);
    }
    if (!deps.repair) continue;
    await presence.page(good.flatMap(connectedDevice));
    if (deps.checkSubscriptions) counts.subscriptionsEnded += await checkSubscriptions(deps, good);
  }
  counts.sessionsEnded += wrong.length + withoutToken.length;
  if (!deps.repair) return sessions;
  await inParallel(withoutToken, PARALLEL, (id) => emqx.kick(id));
  // A device can have registered between the two looks: the sync reads again before it ends anything.
  await inParallel(wrong, PARALLEL, (id) => deps.sync(id));
  await presence.finish(async (id) => {
    const session = await emqx.session(id);
    return session && connectedDevice(session)[0];
  });
  return sessions;
}

async function activeUsernames(
  deps: SessionDeps,
  sessions: readonly ClientSession[],
): Promise<ReadonlyMap<string, string>> {
  const owners = await ownersOf(
    deps.db,
    sessions.map(({ clientid }) => clientid),
  );
  return new Map(
    owners
      .filter(({ state }) => state === 'active')
      .map(({ id, generation }) => [id, mqttUsername(id, generation)]),
  );
}

/** @returns how many subscriptions were ended. */
async function checkSubscriptions(deps: SessionDeps, sessions: readonly ClientSession[]): Promise<number> {
  const ids = sessions.map(({ clientid }) => clientid);
  const rules = await linkRules(deps.db, ids);
  let ended = 0;
  await inParallel(ids, PARALLEL, async (id) => {
    ended += (await endSubscriptions(deps.emqx, id, rules.get(id) ?? [])).length;
  });
  return ended;
}

function connectedDevice(session: ClientSession): ListedDevice[] {
  if (!session.connected || session.connectedAt === undefined) return [];
  return [{ id: session.clientid, connectedAt: session.connectedAt }];
}
