import { type DesiredState, fileSourceOpens, sameRules } from './desired-state.ts';
import { type Emqx, EmqxError } from './emqx.ts';
import { eachPage } from './emqx-devices.ts';

export interface SettingsReport {
  readonly version: string;
  readonly differences: readonly string[];
  readonly foreignAuthenticators: readonly string[];
  readonly foreignSources: readonly string[];
  readonly warnings: readonly string[];
}

/** A difference found: noted, and repaired unless the run only inspects. */
type Step = (what: string, repair: () => Promise<void>) => Promise<void>;

const BUILT_IN = 'built_in_database';
/** Part of our broker image: has no users and so refuses everyone until the JWT authenticator exists. */
const IMAGE_AUTHENTICATOR = 'password_based:built_in_database';
const NODE_RUNNING = 'running';

/**
 * Reads the broker's settings and applies the difference to what they should be. A broker that admits everyone is closed
 * first of all. One that refuses everyone, as our image does when it is new, admits devices last, so that none meets
 * rules that are not there yet, or is admitted before its ban.
 *
 * @param repair false only looks.
 * @param beforeAdmission what else must be in place before devices are admitted.
 * @throws EmqxError when the broker cannot be reached, refuses the key, or is not fully started.
 */
export async function reconcileSettings(
  emqx: Emqx,
  desired: DesiredState,
  repair: boolean,
  beforeAdmission: () => Promise<void> = async () => {},
): Promise<SettingsReport> {
  const nodes = await emqx.nodes();
  const down = nodes.find((node) => node.node_status !== NODE_RUNNING);
  if (nodes[0] === undefined || down) {
    throw new EmqxError('unreachable', `The broker's node ${down?.node ?? ''} is not running yet.`);
  }
  const differences: string[] = [];
  const step: Step = async (what, action) => {
    if (repair) await action();
    differences.push(what);
  };
  // Read first: should the broker come back empty in the middle of the run, the authenticator is not found
  // when it is replaced, and the run fails instead of admitting devices to a broker whose rules are gone.
  const present = await emqx.authenticators();
  const letEveryoneIn = !present.some(({ enable }) => enable);
  const closed = letEveryoneIn ? await authenticators(emqx, present, desired, repair, step) : undefined;
  await settings(emqx, desired, step);
  const foreignSources = await sources(emqx, desired, step);
  await beforeAdmission();
  const foreignAuthenticators = closed ?? (await authenticators(emqx, present, desired, repair, step));
  if (letEveryoneIn) {
    await step('sessions from while the broker admitted everyone', () => endAllSessions(emqx));
  }
  return {
    version: nodes[0].version,
    differences,
    foreignAuthenticators,
    foreignSources,
    warnings: await warnings(emqx),
  };
}

async function authenticators(
  emqx: Emqx,
  present: Awaited<ReturnType<Emqx['authenticators']>>,
  desired: DesiredState,
  repair: boolean,
  step: Step,
): Promise<string[]> {
  const { mechanism } = desired.authenticator;
  const ours = present.findIndex((authenticator) => authenticator.mechanism === mechanism);
  if (ours === -1) {
    await step('authenticator missing', () => emqx.createAuthenticator(desired.authenticator));
  } else if (!present[ours]?.enable) {
    await step('authenticator disabled', async () => {});
  }
  // Always replaced: its secret cannot be read, so a difference in it cannot be seen.
  if (repair) await emqx.replaceAuthenticator(mechanism, desired.authenticator);
  if (ours > 0 || (ours === -1 && present.length > 0)) {
    await step('authenticator not in front', () => emqx.moveAuthenticatorToFront(mechanism));
  }
  return present.filter(({ id }, index) => index !== ours && id !== IMAGE_AUTHENTICATOR).map(({ id }) => id);
}

/**
 * What a client subscribed to while nobody was asked for a token is not checked again, and the server's own session got
 * no rights from its token then. All come back with one.
 */
async function endAllSessions(emqx: Emqx): Promise<void> {
  const found: string[] = [];
  for await (const data of eachPage(emqx.sessionsPage)) found.push(...data.map(({ clientid }) => clientid));
  if (found.length > 0) await emqx.kickAll(found);
}

async function settings(emqx: Emqx, desired: DesiredState, step: Step): Promise<void> {
  const { cache, ...present } = await emqx.authorizationSettings();
  const { no_match, deny_action } = desired.settings;
  if (present.no_match === no_match && present.deny_action === deny_action) return;
  await step(`authorization settings: no_match ${present.no_match}, deny_action ${present.deny_action}`, () =>
    emqx.setAuthorizationSettings({ ...desired.settings, cache }),
  );
}

async function sources(emqx: Emqx, desired: DesiredState, step: Step): Promise<string[]> {
  const present = await emqx.sources();
  const ours = present.findIndex((source) => source.type === BUILT_IN);
  const source = { type: BUILT_IN, enable: true, max_rules: desired.maxRules };
  if (ours === -1) {
    await step('authorization source missing', () => emqx.createSource(source));
  } else if (!present[ours]?.enable || (present[ours]?.max_rules ?? 0) < desired.maxRules) {
    await step('authorization source disabled or too small', () => emqx.replaceSource(BUILT_IN, source));
  }
  const rules = await emqx.rulesForAll();
  if (!sameRules(rules ?? [], desired.rulesForAll)) {
    await step('rules for all clients', () => emqx.replaceRulesForAll(desired.rulesForAll));
  }
  if (ours > 0 || (ours === -1 && present.length > 0)) {
    await step('authorization source not in front', () => emqx.moveSourceToFront(BUILT_IN));
  }
  const foreign = present.filter((other, index) => index !== ours && other.enable);
  for (const other of foreign) {
    if (other.type !== 'file' || !fileSourceOpens(other.rules ?? '{allow, all}')) continue;
    const disabled = { type: 'file', enable: false, rules: other.rules ?? '{deny, all}.\n' };
    await step('file source that allows was enabled', () => emqx.replaceSource('file', disabled));
  }
  return foreign.map(({ type }) => type);
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
