import { CLOSED, fileSourceOpens, sameRules } from './desired-state.ts';
import { type Emqx, EmqxError } from './emqx.ts';
import { reconcileZone } from './reconcile-zone.ts';
import type { SettingsDeps } from './settings-step.ts';

export interface SettingsReport {
  readonly version: string;
  /** As they were before anything was fixed. */
  readonly authenticators: readonly ListedAuthenticator[];
  /** Whether everyone was let in, or more was allowed than should be, until this run. */
  readonly wasOpen: { readonly toEveryone: boolean; readonly forMore: boolean };
  readonly foreignSources: readonly string[];
  readonly warnings: readonly string[];
}

type ListedAuthenticator = Awaited<ReturnType<Emqx['authenticators']>>[number];

const BUILT_IN = 'built_in_database';
/** Part of our broker image: has no users and so refuses everyone until the JWT authenticator exists. */
export const CLOSED_AUTHENTICATOR = 'password_based:built_in_database';
const NODE_RUNNING = 'running';

/**
 * Reads the broker's settings and fixes what differs, but admits nobody: a broker that lets everyone in is closed first of
 * all, and one that refuses everyone stays so. It needs no database.
 *
 * @throws EmqxError when the broker cannot be reached, refuses the key, or is not fully started.
 */
export async function reconcileSettings(deps: SettingsDeps): Promise<SettingsReport> {
  const { emqx, step } = deps;
  const nodes = await emqx.nodes();
  const node = nodes.find(({ node_status }) => node_status === NODE_RUNNING);
  if (!node) {
    throw new EmqxError('unreachable', `The broker's node ${nodes[0]?.node ?? ''} is not running yet.`);
  }
  const stopped = nodes.filter(({ node_status }) => node_status !== NODE_RUNNING);
  const authenticators = await emqx.authenticators();
  const toEveryone = !authenticators.some(({ enable }) => enable);
  if (toEveryone) await step('no authenticator: everyone was let in', () => closeChain(emqx, authenticators));
  const allowedMore = await settings(deps);
  const { foreign, opened } = await sources(deps);
  const zoneWarnings = await reconcileZone(deps);
  return {
    version: node.version,
    authenticators,
    wasOpen: { toEveryone, forMore: toEveryone || allowedMore || opened },
    foreignSources: foreign,
    warnings: [
      ...stopped.map((other) => `node ${other.node} of the broker's cluster is not running`),
      ...zoneWarnings,
      ...(await warnings(emqx)),
    ],
  };
}

async function closeChain(emqx: Emqx, present: readonly ListedAuthenticator[]): Promise<void> {
  const exists = present.some(({ id }) => id === CLOSED_AUTHENTICATOR);
  if (exists) await emqx.replaceAuthenticator(CLOSED_AUTHENTICATOR, CLOSED);
  else await emqx.createAuthenticator(CLOSED);
}

/** @returns whether what no rule matched was allowed. */
async function settings({ emqx, desired, step }: SettingsDeps): Promise<boolean> {
  const { cache, ...present } = await emqx.authorizationSettings();
  const { no_match, deny_action } = desired.settings;
  if (present.no_match !== no_match || present.deny_action !== deny_action) {
    await step(
      `authorization settings: no_match ${present.no_match}, deny_action ${present.deny_action}`,
      () => emqx.setAuthorizationSettings({ ...desired.settings, cache }),
    );
  }
  return present.no_match === 'allow';
}

async function sources({ emqx, desired, step }: SettingsDeps) {
  const present = await emqx.sources();
  const ours = present.findIndex((source) => source.type === BUILT_IN);
  const source = { type: BUILT_IN, enable: true, max_rules: desired.maxRules };
  if (ours === -1) {
    await step('authorization source missing', () => emqx.createSource(source));
  } else if (!present[ours]?.enable || (present[ours]?.max_rules ?? 0) < desired.maxRules) {
    await step('authorization source disabled or too small', () => emqx.replaceSource(BUILT_IN, source));
  }
  const rules = (await emqx.rulesForAll()) ?? [];
  let opened = rules.some((rule) => !desired.rulesForAll.some((wanted) => sameRules([rule], [wanted])));
  if (!sameRules(rules, desired.rulesForAll)) {
    await step('rules for all clients', () => emqx.replaceRulesForAll(desired.rulesForAll));
  }
  if (ours > 0 || (ours === -1 && present.length > 0)) {
    await step('authorization source not in front', () => emqx.moveSourceToFront(BUILT_IN));
  }
  const foreign = present.filter((other, index) => index !== ours && other.enable);
  for (const other of foreign) {
    if (other.type !== 'file' || !fileSourceOpens(other.rules ?? '{allow, all}')) continue;
    opened = true;
    const disabled = { type: 'file', enable: false, rules: other.rules ?? '{deny, all}.\n' };
    await step('file source that allows was enabled', () => emqx.replaceSource('file', disabled));
  }
  return { foreign: foreign.map(({ type }) => type), opened };
}

/** What an operator should look at. A broker of another version that answers these calls differently is still provisioned. */
async function warnings(emqx: Emqx): Promise<string[]> {
  const found: string[] = [];
  try {
    if (!(await emqx.ignoresLoopDelivery())) {
      found.push(
        'mqtt.ignore_loop_deliver is off: a device that subscribes to what it publishes gets its own messages back',
      );
    }
    for (const id of await emqx.openListeners())
      found.push(`listener ${id} admits everyone (enable_authn = false)`);
  } catch (error) {
    if (!(error instanceof EmqxError) || error.kind === 'unreachable') throw error;
    found.push(`settings that are only inspected could not be read: ${error.message}`);
  }
  return found;
}
