import type { Clock } from '../../src/platform/clock.ts';
import type { Random } from '../../src/platform/random.ts';
import { deviceKey } from '../../src/platform/secrets.ts';
import { createFleet } from '../fleet/fleet.ts';
import type { Environment } from '../stack.ts';
import type { DemoDevice } from './cast.ts';

export interface DemoOptions {
  readonly server: string;
  /** The server's environment: role secrets. */
  readonly env: Environment;
  readonly devices: readonly DemoDevice[];
  readonly clock: Clock;
  readonly random: Random;
}

/** The devices of the demo while they run. */
export interface Demo {
  close(): Promise<void>;
}

const RECORDS_PER_SECOND = 0.2;
/** Connections that a device with bad Wi-Fi loses in an hour: often enough to be seen as flapping. */
const CUTS_PER_HOUR = 120;

/** Switches the devices on; those pending or revoked ask for a token, and are refused, like the others. */
export function startDemo({ server, env, devices, clock, random }: DemoOptions): Demo {
  const fleets = [0, CUTS_PER_HOUR].map((lossy) =>
    createFleet({
      server,
      identities: devices.filter(({ part }) => (part === 'flapping') === lossy > 0),
      pairs: new Map(devices.flatMap(({ uuid, master }) => (master === undefined ? [] : [[uuid, master]]))),
      credential: ({ role, uuid }) =>
        deviceKey(
          (role === 'master' ? env.DEVICE_MASTER_SECRET_KEY : env.DEVICE_AGENT_SECRET_KEY) ?? '',
          uuid,
        ),
      rate: RECORDS_PER_SECOND,
      churn: 0,
      lossy,
      clock,
      random,
    }),
  );
  for (const fleet of fleets) fleet.start();
  return {
    async close() {
      await Promise.all(fleets.map((fleet) => fleet.close()));
    },
  };
}
