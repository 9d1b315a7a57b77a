import { topicsOfDevice } from '../../contract/topics.ts';
import type { Clock } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import { lastsUntil, replaceBan } from './ban.ts';
import { type Rule, sameRules } from './desired-state.ts';
import { type DeviceOnBroker, readDeviceOnBroker } from './device-store.ts';
import type { Emqx } from './emqx.ts';
import { BANNED_BY, type Ban } from './emqx-devices.ts';

export interface DeviceSyncDeps {
  readonly db: Queryable;
  readonly emqx: Emqx;
  readonly clock: Clock;
}

const MAX_ROUNDS = 5;

/**
 * Syncs one device from the database to the broker: bans, rules, rule cache, subscriptions, session. It
 * works from the state alone, so it may be repeated, and two instances may do it at once: afterwards the database is
 * read again, and if it has changed meanwhile, the sync is repeated.
 *
 * @returns what was done, in order; nothing where the broker was right already.
 * @throws EmqxError
 */
export async function syncDevice(deps: DeviceSyncDeps, id: string): Promise<string[]> {
  const steps: string[] = [];
  let desired = await readDeviceOnBroker(deps.db, id, deps.clock.now());
  for (let round = 0; round < MAX_ROUNDS; round++) {
    steps.push(...(await applyOnce(deps.emqx, id, desired)));
    const now = await readDeviceOnBroker(deps.db, id, deps.clock.now());
    if (Bun.deepEquals(now, desired)) return steps;
    desired = now;
  }
  throw new Error('the device changes faster than the broker can follow');
}

/** Revoking comes before granting: bans before unbans, the end of a session before new rules. */
async function applyOnce(emqx: Emqx, id: string, desired: DeviceOnBroker): Promise<string[]> {
  const steps: string[] = [];
  for (const { username, until } of desired.bannedUsernames) {
    if (!(await ensureBan(emqx, { as: 'username', who: username, until }, 'superseded'))) continue;
    steps.push(`user name ${username} banned`);
  }
  if (desired.banned && (await ensureBan(emqx, { as: 'clientid', who: id, until: undefined }, 'revoked'))) {
    steps.push(`client id ${id} banned`);
  }
  steps.push(...(await syncRules(emqx, id, desired)));
  steps.push(...(await syncSession(emqx, id, desired)));
  steps.push(...(await clearRetained(emqx, id)));
  if (!desired.banned && (await emqx.bansOf('clientid', id)).some(({ by }) => by === BANNED_BY)) {
    await emqx.unban('clientid', id);
    steps.push(`ban of client id ${id} lifted`);
  }
  return steps;
}

/** Bans, unless there is a ban that lasts as long, whoever made it. @returns whether there was none. */
async function ensureBan(emqx: Emqx, ban: Ban, reason: string): Promise<boolean> {
  const present = await emqx.bansOf(ban.as, ban.who);
  if (present.some(({ until }) => lastsUntil(until, ban.until))) return false;
  await replaceBan(emqx, ban, reason, present.length > 0);
  return true;
}

async function syncRules(emqx: Emqx, id: string, desired: DeviceOnBroker): Promise<string[]> {
  const present = await emqx.clientRules(id);
  const differ = !sameRules(present ?? [], desired.rules);
  if (differ && desired.rules.length === 0) await emqx.removeClientRules(id);
  else if (differ) await emqx.replaceClientRules(id, desired.rules);
  // Whether they differ or not: a sync that changed them may have ended before it came to this.
  await emqx.dropRuleCache(id);
  if (!differ) return [];
  return [
    desired.rules.length === 0 ? `rules of ${id} removed` : `rules of ${id} set (${desired.rules.length})`,
  ];
}

/**
 * Clears what is retained on the topics of a device, from before devices could not publish retained messages: a message of
 * a former master would reach the agent, and its next master, forever.
 */
async function clearRetained(emqx: Emqx, id: string): Promise<string[]> {
  const steps: string[] = [];
  for (const filter of [`device/${id}/+`, `/device/${id}/+`]) {
    for (const topic of await emqx.retainedTopics(filter)) {
      await emqx.clearRetained(topic);
      steps.push(`retained message on ${topic} cleared`);
    }
  }
  return steps;
}

/** Ends a session that is not the device's present generation, and subscriptions that its rules no longer cover. */
async function syncSession(emqx: Emqx, id: string, desired: DeviceOnBroker): Promise<string[]> {
  const session = await emqx.session(id);
  if (!session) return [];
  if (desired.username === undefined || session.username !== desired.username) {
    return (await emqx.kick(id)) ? [`session of ${id} ended`] : [];
  }
  return await endSubscriptions(emqx, id, desired.rules);
}

/**
 * Ends subscriptions of a device that neither its own topics nor its rules cover.
 *
 * @returns what was done.
 */
export async function endSubscriptions(emqx: Emqx, id: string, rules: readonly Rule[]): Promise<string[]> {
  const allowed = new Set([
    ...topicsOfDevice(id)
      .filter(({ action }) => action !== 'publish')
      .map(({ topic }) => topic),
    ...rules.map(({ topic }) => topic),
  ]);
  const steps: string[] = [];
  for (const filter of await emqx.subscriptions(id)) {
    if (allowed.has(filter.replace(/^\$share\/[^/]+\//, ''))) continue;
    await emqx.unsubscribe(id, filter);
    steps.push(`subscription of ${id} to ${filter} ended`);
  }
  return steps;
}
