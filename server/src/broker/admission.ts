import { type Clock, sleep } from '../platform/clock.ts';
import { type Emqx, EmqxError } from './emqx.ts';
import { CLOSED_AUTHENTICATOR, type SettingsReport } from './reconcile-settings.ts';
import type { SettingsDeps } from './settings-step.ts';

export interface AdmissionReport {
  readonly foreignAuthenticators: readonly string[];
  readonly warnings: readonly string[];
}

interface AdmissionDeps extends SettingsDeps {
  readonly clock: Clock;
}

/**
 * For the sessions that have to be there first. Their holder needs up to 10 s to take over from one whose machine is gone,
 * and 4 s until it tries the broker again.
 */
const SESSIONS_LIMIT_MS = 20_000;
const LOOK_MS = 50;

/**
 * Lets devices in: the authenticator that accepts their tokens, then the listeners, which the image keeps closed at boot
 * since EMQX takes every CONNECT until its authentication is hooked in. Call it once rules and bans are in place.
 *
 * Between the two it waits for the sessions that take in what devices send, for the broker acknowledges to devices what
 * nobody is subscribed to. They come by a listener of their own. When they do not come in time, devices are let in all the
 * same: they can do more than send records, and numbered records are sent again.
 *
 * @param present the authenticators as read before anything else: should the broker come back empty in the middle of a
 *   run, the authenticator is not found when it is replaced, and the run fails instead of admitting devices before rules.
 */
export async function admit(
  deps: AdmissionDeps,
  present: SettingsReport['authenticators'],
): Promise<AdmissionReport> {
  const { emqx, desired, repair, step } = deps;
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
  const isForeign = ({ id }: { id: string }, at: number) => at !== ours && id !== CLOSED_AUTHENTICATOR;
  return {
    foreignAuthenticators: present.filter(isForeign).map(({ id }) => id),
    warnings: await openListeners(deps),
  };
}

/** Whether no listener of devices is closed. */
export async function devicesAreAdmitted(deps: Pick<SettingsDeps, 'emqx' | 'desired'>): Promise<boolean> {
  return (await closedListeners(deps)).length === 0;
}

async function closedListeners({ emqx, desired }: Pick<SettingsDeps, 'emqx' | 'desired'>): Promise<string[]> {
  const listeners = await emqx.listeners();
  return listeners
    .filter(({ id, running }) => !running && desired.deviceListeners.includes(id))
    .map(({ id }) => id);
}

async function openListeners(deps: AdmissionDeps): Promise<string[]> {
  const { emqx, repair, step } = deps;
  const closed = await closedListeners(deps);
  const warnings = repair && closed.length > 0 ? await awaitSessions(deps) : [];
  for (const id of closed) {
    try {
      await step(`listener ${id} closed`, () => emqx.startListener(id));
    } catch (error) {
      if (!(error instanceof EmqxError) || error.kind === 'unreachable') throw error;
      warnings.push(`listener ${id} cannot be started: ${error.message}`);
    }
  }
  return warnings;
}

/** @returns a warning for each session that is still missing. */
async function awaitSessions({ emqx, desired, clock }: AdmissionDeps): Promise<string[]> {
  const { mechanism } = desired.authenticator;
  const startedAt = clock.monotonic();
  for (;;) {
    const missing = await missingSessions(emqx, desired);
    if (missing.length === 0) return [];
    // A broker that came back empty meanwhile has no rules either: the next run begins from the start.
    if (!(await emqx.authenticators()).some((each) => each.mechanism === mechanism)) {
      throw new EmqxError('unexpected', 'The broker lost its settings during the run.');
    }
    if (clock.monotonic() - startedAt >= SESSIONS_LIMIT_MS) return missing.map(admittedWithout);
    await sleep(clock, LOOK_MS);
  }
}

function admittedWithout(clientId: string): string {
  return `devices were admitted without the session ${clientId}: what they send is not kept`;
}

async function missingSessions(emqx: Emqx, desired: SettingsDeps['desired']): Promise<string[]> {
  const missing: string[] = [];
  for (const { clientId, filters } of desired.sessionsFirst) {
    const present = await emqx.subscriptions(clientId);
    if (!filters.every((filter) => present.includes(filter))) missing.push(clientId);
  }
  return missing;
}
