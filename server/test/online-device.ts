import { createDeviceClient, type DeviceClient, type DeviceClientOptions } from '../dev/device-client.ts';
import type { DeviceEvent } from '../dev/device-events.ts';
import { systemClock } from '../src/platform/clock.ts';
import { systemRandom } from '../src/platform/random.ts';
import { until } from './harness.ts';

export interface OnlineDevice {
  readonly client: DeviceClient;
  readonly events: readonly DeviceEvent[];
  /** What it has met last, for a message of a test that fails. */
  seen(): string;
}

const START_LIMIT_MS = 60_000;
const LAST_EVENTS = 10;

/** Starts a device that follows the contract, and waits until it is online. Whoever starts it closes it, via `opened` too. */
export async function startOnlineDevice(
  options: Omit<DeviceClientOptions, 'clock' | 'random' | 'onEvent'> & Partial<DeviceClientOptions>,
  opened: DeviceClient[] = [],
): Promise<OnlineDevice> {
  const events: DeviceEvent[] = [];
  const client = createDeviceClient({
    clock: systemClock,
    random: systemRandom,
    ...options,
    onEvent: (event) => {
      events.push(event);
      options.onEvent?.(event);
    },
  });
  opened.push(client);
  const seen = () =>
    events
      .slice(-LAST_EVENTS)
      .map((event) => JSON.stringify(event))
      .join('\n');
  client.start();
  await until(
    () => `the device ${options.uuid} is online; it met:\n${seen()}`,
    client.online,
    START_LIMIT_MS,
  );
  return { client, events, seen };
}
