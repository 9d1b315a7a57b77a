import type { TelemetryEvent } from '../../contract/api/events.ts';
import type { Clock } from '../platform/clock.ts';

/** Which devices' values are wanted. */
export interface ValuesWanted {
  readonly all: boolean;
  readonly devices: readonly string[];
}

/** How the live streams read telemetry. */
export interface ValueReader {
  /** Devices of which a record arrived after `afterUs` (Unix microseconds), in the order of arrival. */
  arrivals(
    wanted: ValuesWanted,
    afterUs: number,
  ): Promise<readonly { readonly deviceId: string; readonly receivedUs: number }[]>;
  latest(deviceIds: readonly string[]): Promise<readonly TelemetryEvent[]>;
}

/** Transactions may commit in another order than their records arrived in. */
const OVERLAP_US = 2_000_000;
/** Devices whose values are told in one look. */
const MAX_DEVICES = 500;

/** Finds the devices whose newest value has changed since it was asked last. */
export function followValues(reader: ValueReader, clock: Pick<Clock, 'now'>) {
  const told = new Map<string, number>();
  let afterUs = clock.now() * 1_000 - OVERLAP_US;

  return {
    async changed(wanted: ValuesWanted): Promise<readonly TelemetryEvent[]> {
      const arrivals = await reader.arrivals(wanted, afterUs);
      const fresh = arrivals
        .filter(({ deviceId, receivedUs }) => told.get(deviceId) !== receivedUs)
        .slice(0, MAX_DEVICES);
      for (const { deviceId, receivedUs } of fresh) told.set(deviceId, receivedUs);
      afterUs = Math.max(afterUs, (arrivals.at(-1)?.receivedUs ?? 0) - OVERLAP_US);
      for (const [id, receivedUs] of told) if (receivedUs < afterUs) told.delete(id);
      return await reader.latest(fresh.map(({ deviceId }) => deviceId));
    },
    /** The newest values there are, for a viewer that begins. */
    latest: (deviceIds: readonly string[]) => reader.latest(deviceIds),
  };
}
