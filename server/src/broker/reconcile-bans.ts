import { NIL_UUID } from '../../contract/uuid.ts';
import { inParallel } from '../platform/parallel.ts';
import { lastsUntil, replaceBan } from './ban.ts';
import { removeExpiredBans, revokedIds, usernameBansPage } from './device-store.ts';
import { BANNED_BY, type Ban, eachPage } from './emqx-devices.ts';
import { type DeviceReconcileDeps, PARALLEL } from './reconcile-devices.ts';
import type { DeviceCounts } from './report.ts';

const PAGE = 1_000;

/**
 * Compares the bans on the broker with revoked devices and superseded user names, and fixes the differences. Adds
 * before it lifts.
 *
 * @returns how many bans the server did not make.
 */
export async function reconcileBans(deps: DeviceReconcileDeps, counts: DeviceCounts): Promise<number> {
  const stale = new Map<string, Ban>();
  const present = new Map<string, number | undefined>();
  let foreign = 0;
  for await (const data of eachPage(deps.emqx.bansPage)) {
    for (const { as, who, by, until } of data) {
      present.set(`${as}:${who}`, until);
      if (by !== BANNED_BY || (as !== 'clientid' && as !== 'username')) foreign++;
      else stale.set(`${as}:${who}`, { as, who, until });
    }
  }
  const add = async (ban: Ban, reason: string) => {
    const key = `${ban.as}:${ban.who}`;
    stale.delete(key);
    if (present.has(key) && lastsUntil(present.get(key), ban.until)) return;
    counts.bansAdded++;
    if (deps.repair) await replaceBan(deps.emqx, ban, reason, present.has(key));
  };
  const now = deps.clock.now();
  for (let after = NIL_UUID, ids = await revokedIds(deps.db, after, PAGE); ids.length > 0; ) {
    await inParallel(ids, PARALLEL, (who) => add({ as: 'clientid', who, until: undefined }, 'revoked'));
    after = ids.at(-1) ?? after;
    ids = await revokedIds(deps.db, after, PAGE);
  }
  for (let after = '', bans = await usernameBansPage(deps.db, after, PAGE, now); bans.length > 0; ) {
    await inParallel(bans, PARALLEL, ({ username, until }) =>
      add({ as: 'username', who: username, until }, 'superseded'),
    );
    after = bans.at(-1)?.username ?? after;
    bans = await usernameBansPage(deps.db, after, PAGE, now);
  }
  counts.bansLifted += stale.size;
  if (deps.repair) await inParallel(stale.values(), PARALLEL, ({ as, who }) => deps.emqx.unban(as, who));
  if (deps.repair) await removeExpiredBans(deps.db, now);
  return foreign;
}
