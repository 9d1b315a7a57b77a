import type { ReconcileReport } from '../../contract/api/broker.ts';
import type { Clock } from '../platform/clock.ts';
import { inParallel } from '../platform/parallel.ts';
import { admit, devicesAreAdmitted } from './admission.ts';
import type { DesiredState } from './desired-state.ts';
import type { Emqx } from './emqx.ts';
import { eachPage } from './emqx-devices.ts';
import { reconcileBans } from './reconcile-bans.ts';
import { type DeviceReconcileDeps, reconcileLinks } from './reconcile-devices.ts';
import { type PresenceCorrection, reconcileSessions } from './reconcile-sessions.ts';
import { reconcileSettings } from './reconcile-settings.ts';
import { NO_DEVICE_DIFFERENCES } from './report.ts';
import type { Step } from './settings-step.ts';

export interface ReconcileDeps extends DeviceReconcileDeps {
  readonly desired: DesiredState;
  readonly presence: PresenceCorrection;
  /** Whether subscriptions may be left from a time when the broker allowed more, such as before this process began. */
  readonly suspectSubscriptions: boolean;
}

/**
 * One whole run. The order is the point: an open broker is closed, then come settings, bans, the rules of pairs, and only
 * then are devices admitted; last, sessions and subscriptions that should not be are ended.
 *
 * @throws EmqxError when the broker cannot be reached, refuses the key, or is not fully started; a database error.
 */
export async function reconcile(deps: ReconcileDeps): Promise<ReconcileReport> {
  const { emqx, desired, repair, clock } = deps;
  const { step, differences } = steps(repair);
  const devices = { ...NO_DEVICE_DIFFERENCES };
  const settings = await reconcileSettings({ emqx, desired, step, repair });
  const bans = await reconcileBans(deps, devices);
  // What former pairs could do, nobody may do when devices come in; later the queue takes such rights away as fast.
  const leavesQueued = await devicesAreAdmitted({ emqx, desired });
  const clientRules = await reconcileLinks({ ...deps, leavesQueued }, devices);
  const admission = await admit({ emqx, desired, clock, step, repair }, settings.authenticators);
  if (settings.wasOpen.toEveryone) {
    await step('sessions from when everyone was let in', () => endAllSessions(emqx));
  }
  const checkSubscriptions = repair && (deps.suspectSubscriptions || settings.wasOpen.forMore);
  // What an interrupted run took away may still be remembered as allowed.
  if (checkSubscriptions) await emqx.dropRuleCaches();
  const sessions = await reconcileSessions({ ...deps, checkSubscriptions }, devices);
  return {
    version: settings.version,
    differences,
    devices,
    sessions,
    foreign: {
      authenticators: [...admission.foreignAuthenticators],
      sources: [...settings.foreignSources],
      clientRules,
      bans,
    },
    warnings: [...settings.warnings, ...admission.warnings],
  };
}

/** Fixes what needs no database and admits nobody: bans that are not there yet would be missed. */
export async function closeBroker(emqx: Emqx, desired: DesiredState): Promise<void> {
  await reconcileSettings({ emqx, desired, step: steps(true).step, repair: true });
}

/** Reads settings and admission alone, cheaply. @returns what differs. */
export async function inspectSettings(
  emqx: Emqx,
  desired: DesiredState,
  clock: Clock,
): Promise<readonly string[]> {
  const { step, differences } = steps(false);
  const deps = { emqx, desired, step, repair: false };
  const { authenticators } = await reconcileSettings(deps);
  await admit({ ...deps, clock }, authenticators);
  return differences;
}

function steps(repair: boolean): { readonly step: Step; readonly differences: string[] } {
  const differences: string[] = [];
  return {
    differences,
    async step(what, action) {
      if (repair) await action();
      differences.push(what);
    },
  };
}

/** The server's own session got no rights from its token, and a device's is bound to none. All come back with one. */
async function endAllSessions(emqx: Emqx): Promise<void> {
  const found: string[][] = [];
  for await (const data of eachPage(emqx.sessionsPage)) found.push(data.map(({ clientid }) => clientid));
  await inParallel(found, 1, (ids) => emqx.kickAll(ids));
}
