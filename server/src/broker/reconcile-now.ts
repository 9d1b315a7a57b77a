import type { ReconcileReport } from '../../contract/api/broker.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { DesiredState } from './desired-state.ts';
import { syncDevice } from './device-sync.ts';
import type { Emqx } from './emqx.ts';
import { reconcile } from './reconcile.ts';
import type { PresenceCorrection } from './reconcile-sessions.ts';

interface RunDeps {
  readonly db: Database;
  readonly emqx: Emqx;
  readonly clock: Clock;
  readonly desired: DesiredState;
  /** Makes what corrects presence by the broker's list of sessions, for one run. */
  readonly presence: () => PresenceCorrection;
  readonly suspectSubscriptions?: boolean;
}

/** One run of the reconciliation; with `repair` false it changes nothing. */
export function reconcileNow(deps: RunDeps, repair: boolean): Promise<ReconcileReport> {
  const { db, emqx, clock } = deps;
  return reconcile({
    ...deps,
    suspectSubscriptions: deps.suspectSubscriptions ?? false,
    repair,
    presence: deps.presence(),
    sync: (deviceId) => syncDevice({ db, emqx, clock }, deviceId),
  });
}
