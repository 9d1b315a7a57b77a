import type { ReconcileReport } from '../../contract/api/broker.ts';
import type { DesiredState } from './desired-state.ts';
import { reconcileBans } from './reconcile-bans.ts';
import { type DeviceReconcileDeps, reconcileLinks } from './reconcile-devices.ts';
import { type PresenceCorrection, reconcileSessions } from './reconcile-sessions.ts';
import { reconcileSettings } from './reconcile-settings.ts';
import { NO_DEVICE_DIFFERENCES } from './report.ts';

export interface ReconcileDeps extends DeviceReconcileDeps {
  readonly desired: DesiredState;
  readonly presence: PresenceCorrection;
}

/**
 * One whole run: settings and bans, then the rules of paired devices, and sessions.
 *
 * @throws EmqxError when the broker cannot be reached, refuses the key, or is not fully started; a database error.
 */
export async function reconcile(deps: ReconcileDeps): Promise<ReconcileReport> {
  const devices = { ...NO_DEVICE_DIFFERENCES };
  let bans = 0;
  const settings = await reconcileSettings(deps.emqx, deps.desired, deps.repair, async () => {
    bans = await reconcileBans(deps, devices);
  });
  const clientRules = await reconcileLinks(deps, devices);
  const sessions = await reconcileSessions(deps, deps.presence, devices);
  return {
    version: settings.version,
    differences: [...settings.differences],
    devices,
    sessions,
    foreign: {
      authenticators: [...settings.foreignAuthenticators],
      sources: [...settings.foreignSources],
      clientRules,
      bans,
    },
    warnings: [...settings.warnings],
  };
}
