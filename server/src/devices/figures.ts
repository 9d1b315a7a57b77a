import { sql } from 'drizzle-orm';
import { deviceStates } from '../../contract/roles.ts';
import { cachedReading } from '../platform/cached-reading.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { devices } from '../platform/db/schema.ts';
import type { Metrics } from '../platform/metrics.ts';

interface DeviceFiguresDeps {
  readonly metrics: Metrics;
  readonly db: Database;
  readonly clock: Clock;
}

const KEPT_MS = 5_000;

/** Registers the figures of the fleet's devices, which every instance reads alike. */
export function deviceFigures({ metrics, db, clock }: DeviceFiguresDeps): void {
  const counts = cachedReading(clock, KEPT_MS, () =>
    db
      .select({
        state: devices.state,
        count: sql<number>`count(*)`.mapWith(Number),
        online: sql<number>`count(${devices.connectedAt})`.mapWith(Number),
      })
      .from(devices)
      .groupBy(devices.state),
  );
  metrics.observe({
    name: 'siot_devices',
    help: 'Devices by state; pending ones wait for approval.',
    type: 'gauge',
    labels: ['state'],
    read: async () => {
      const rows = await counts();
      return deviceStates.map((state) => [{ state }, rows.find((row) => row.state === state)?.count ?? 0]);
    },
  });
  metrics.observe({
    name: 'siot_devices_online',
    help: 'Devices that are connected to the broker.',
    type: 'gauge',
    read: async () => [[{}, (await counts()).reduce((sum, { online }) => sum + online, 0)]],
  });
}
