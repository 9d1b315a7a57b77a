import { sql } from 'drizzle-orm';
import { alertKinds } from '../../contract/roles.ts';
import { cachedReading } from '../platform/cached-reading.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { Metrics } from '../platform/metrics.ts';

interface AlertFiguresDeps {
  readonly metrics: Metrics;
  readonly db: Database;
  readonly clock: Clock;
}

const KEPT_MS = 5_000;

/** Registers what fires and what waits to be delivered, which every instance reads alike. */
export function alertFigures({ metrics, db, clock }: AlertFiguresDeps): void {
  const firing = cachedReading(clock, KEPT_MS, () =>
    db.execute<{ kind: string; count: number }>(
      sql`select kind, count(*)::int as count from alerts where resolved_at is null group by kind`,
    ),
  );
  const delivery = cachedReading(clock, KEPT_MS, () =>
    db.execute<{ queued: number; disabled: number }>(sql`
      select (select count(*)::int from alert_messages where state = 'queued') as queued,
        (select count(*)::int from alert_channels where notice is not null) as disabled`),
  );
  metrics.observe({
    name: 'siot_alerts_firing',
    help: 'Alerts that fire, by kind of rule.',
    type: 'gauge',
    labels: ['kind'],
    read: async () => {
      const rows = await firing();
      return alertKinds.map((kind) => [{ kind }, rows.find((row) => row.kind === kind)?.count ?? 0]);
    },
  });
  metrics.observe({
    name: 'siot_alert_messages_queued',
    help: 'Messages about alerts that wait to be delivered, or to be tried again.',
    type: 'gauge',
    read: async () => [[{}, (await delivery())[0]?.queued ?? 0]],
  });
  metrics.observe({
    name: 'siot_alert_channels_disabled',
    help: 'Channels that the server disabled because deliveries failed.',
    type: 'gauge',
    read: async () => [[{}, (await delivery())[0]?.disabled ?? 0]],
  });
}
