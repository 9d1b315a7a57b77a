import { isDeviceUuid, NIL_UUID } from '../../contract/uuid.ts';
import type { Clock } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import { inParallel } from '../platform/parallel.ts';
import { type Rule, sameRules } from './desired-state.ts';
import { linkRules, pairedIds, queuedAmong } from './device-store.ts';
import type { Emqx } from './emqx.ts';
import { type ClientRules, eachPage } from './emqx-devices.ts';
import type { DeviceCounts } from './report.ts';

export interface DeviceReconcileDeps {
  readonly db: Queryable;
  readonly emqx: Emqx;
  readonly clock: Clock;
  /** Syncs one device to the broker. */
  readonly sync: (deviceId: string) => Promise<unknown>;
  /** False changes nothing. */
  readonly repair: boolean;
}

interface LinkDeps extends DeviceReconcileDeps {
  /** Whether the rules of a device whose change is queued are left to the queue. */
  readonly leavesQueued: boolean;
}

/** Calls of the broker at a time. */
export const PARALLEL = 8;
const PAGE = 1_000;
/** Rules in one call: a page of agents, or one master with many. */
const MAX_RULES_A_CALL = 5_000;

/**
 * Compares the rules of single clients on the broker with the pairs in the database, page by page, and fixes the
 * difference. Memory: a page of rules, and the ids of the devices that have rules (about 100 bytes each).
 *
 * A device whose change is queued is in other hands: the queue syncs it once, beside this run, and again while its sync
 * fails, and so neither thousands of them nor one that the broker cannot change hold up what an operator asked for.
 *
 * @returns how many rules of clients the server did not create.
 */
export async function reconcileLinks(deps: LinkDeps, counts: DeviceCounts): Promise<number> {
  const present = new Set<string>();
  let foreign = 0;
  const wrong = new Map<string, 'rulesRemoved' | 'rulesReplaced'>();
  for await (const data of eachPage(deps.emqx.clientRulesPage)) {
    const ours = data.filter(({ clientid }) => isDeviceUuid(clientid));
    foreign += data.length - ours.length;
    const desired = await linkRules(
      deps.db,
      ours.map(({ clientid }) => clientid),
    );
    for (const { clientid, rules } of ours) {
      present.add(clientid);
      const wanted = desired.get(clientid) ?? [];
      if (sameRules(rules, wanted)) continue;
      wrong.set(clientid, wanted.length === 0 ? 'rulesRemoved' : 'rulesReplaced');
    }
  }
  if (deps.repair && deps.leavesQueued) {
    for (const id of await queuedAmong(deps.db, [...wrong.keys()])) wrong.delete(id);
  }
  for (const kind of wrong.values()) counts[kind]++;
  // After the last page, since removals would shift the pages.
  if (deps.repair) await inParallel(wrong.keys(), PARALLEL, deps.sync);
  counts.rulesAdded += await addMissing(deps, present);
  return foreign;
}

async function addMissing(deps: DeviceReconcileDeps, present: ReadonlySet<string>): Promise<number> {
  let added = 0;
  let after = NIL_UUID;
  for (;;) {
    const ids = await pairedIds(deps.db, after, PAGE);
    const last = ids.at(-1);
    if (last === undefined) break;
    after = last;
    const missing = ids.filter((id) => !present.has(id));
    if (missing.length === 0) continue;
    added += missing.length;
    if (deps.repair) await createRules(deps, await linkRules(deps.db, missing));
  }
  // A connected device may have been refused meanwhile, and the refusal cached.
  if (added > 0 && deps.repair) await deps.emqx.dropRuleCaches();
  return added;
}

async function createRules(
  deps: DeviceReconcileDeps,
  rules: ReadonlyMap<string, readonly Rule[]>,
): Promise<void> {
  let call: ClientRules[] = [];
  let size = 0;
  const flush = async () => {
    if (call.length > 0 && !(await deps.emqx.createClientRules(call))) {
      // One of them got rules meanwhile, and then the broker stores none: one by one.
      await inParallel(call, PARALLEL, ({ clientid }) => deps.sync(clientid));
    }
    call = [];
    size = 0;
  };
  for (const [clientid, own] of rules) {
    call.push({ clientid, rules: own });
    size += own.length;
    if (size >= MAX_RULES_A_CALL) await flush();
  }
  await flush();
}
