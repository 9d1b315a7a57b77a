import { type DesiredState, fileSourceOpens, sameRules } from './desired-state.ts';
import { type Emqx, EmqxError } from './emqx.ts';

/** What a run found. `repaired` names the differences, in the order in which they were removed. */
export interface ReconcileReport {
  readonly version: string;
  readonly repaired: readonly string[];
  /** Authenticators of the broker that the server did not create, by id. */
  readonly foreignAuthenticators: readonly string[];
  /** Enabled authorization sources that the server did not create, by type. */
  readonly foreignSources: readonly string[];
}

const BUILT_IN = 'built_in_database';
/** Part of our broker image: has no users and so refuses everyone until the JWT authenticator exists. */
const IMAGE_AUTHENTICATOR = 'password_based:built_in_database';
const NODE_RUNNING = 'running';

/**
 * Reads what the broker holds and applies the difference to what it should hold. Closes before it opens: first who may
 * connect, then `no_match = deny`, then the rules that grant, and last it disables what would let everyone through.
 *
 * @throws EmqxError when the broker cannot be reached, refuses the key, or is not fully started.
 */
export async function reconcile(emqx: Emqx, desired: DesiredState): Promise<ReconcileReport> {
  const nodes = await emqx.nodes();
  const down = nodes.find((node) => node.node_status !== NODE_RUNNING);
  if (nodes[0] === undefined || down) {
    throw new EmqxError('unreachable', `The broker's node ${down?.node ?? ''} is not running yet.`);
  }
  const repaired: string[] = [];
  const foreignAuthenticators = await reconcileAuthenticators(emqx, desired, repaired);
  await reconcileSettings(emqx, desired, repaired);
  const foreignSources = await reconcileSources(emqx, desired, repaired);
  return { version: nodes[0].version, repaired, foreignAuthenticators, foreignSources };
}

async function reconcileAuthenticators(
  emqx: Emqx,
  desired: DesiredState,
  repaired: string[],
): Promise<string[]> {
  const present = await emqx.authenticators();
  const ours = present.findIndex(
    (authenticator) => authenticator.mechanism === desired.authenticator.mechanism,
  );
  if (ours === -1) {
    await emqx.createAuthenticator(desired.authenticator);
    repaired.push('authenticator created');
  }
  // Always replaced: its secret cannot be read, so a difference in it cannot be seen.
  await emqx.replaceAuthenticator('jwt', desired.authenticator);
  if (ours > 0 || (ours === -1 && present.length > 0)) {
    await emqx.moveAuthenticatorToFront('jwt');
    repaired.push('authenticator moved to the front');
  }
  return present.filter(({ id }, index) => index !== ours && id !== IMAGE_AUTHENTICATOR).map(({ id }) => id);
}

async function reconcileSettings(emqx: Emqx, desired: DesiredState, repaired: string[]): Promise<void> {
  const { cache, ...settings } = await emqx.authorizationSettings();
  if (
    settings.no_match === desired.settings.no_match &&
    settings.deny_action === desired.settings.deny_action
  )
    return;
  await emqx.setAuthorizationSettings({ ...desired.settings, cache });
  repaired.push('authorization settings');
}

async function reconcileSources(emqx: Emqx, desired: DesiredState, repaired: string[]): Promise<string[]> {
  const present = await emqx.sources();
  const ours = present.findIndex((source) => source.type === BUILT_IN);
  const source = { type: BUILT_IN, enable: true, max_rules: desired.maxRules };
  if (ours === -1) {
    await emqx.createSource(source);
    repaired.push('authorization source created');
  } else if (!present[ours]?.enable || (present[ours]?.max_rules ?? 0) < desired.maxRules) {
    await emqx.replaceSource(BUILT_IN, source);
    repaired.push('authorization source');
  }
  const rules = await emqx.rulesForAll();
  if (rules === undefined || !sameRules(rules, desired.rulesForAll)) {
    await emqx.replaceRulesForAll(desired.rulesForAll);
    repaired.push('rules for all');
  }
  if (ours > 0 || (ours === -1 && present.length > 0)) {
    await emqx.moveSourceToFront(BUILT_IN);
    repaired.push('authorization source moved to the front');
  }
  const foreign = present.filter((other, index) => index !== ours && other.enable);
  for (const other of foreign) {
    if (other.type !== 'file' || !fileSourceOpens(other.rules ?? '{allow, all}')) continue;
    await emqx.replaceSource('file', { type: 'file', enable: false, rules: other.rules ?? '{deny, all}.\n' });
    repaired.push('file source disabled');
  }
  return foreign.map(({ type }) => type);
}
