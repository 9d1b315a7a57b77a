import { changedSince } from '../platform/db/changes-since.ts';
import { markedChanges } from '../platform/db/marked-changes.ts';
import { alerts } from '../platform/db/schema.ts';
import type { LiveSource } from '../platform/live-source.ts';
import { changedAlerts } from './history/store.ts';

/** Alerts that fired, were resolved, acknowledged or silenced. */
export const alertSource: LiveSource = {
  kind: 'alert',
  since: (tx, cursor, limit) =>
    markedChanges(tx, cursor, async (snapshot) => {
      const changed = await changedAlerts(tx, changedSince(alerts.changedBy, snapshot), limit + 1);
      return changed.map((data) => ({ name: 'alert', data }));
    }),
};
