import { Hono } from 'hono';
import type { BrokerChanges } from '../broker/changes.ts';
import type { RequireTokenDeps } from '../devices/firmware/require-token.ts';
import type { AppEnv } from '../http/device-answer.ts';
import type { StoreFactory } from '../http/rate-limit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { Random } from '../platform/random.ts';
import { firmwarePairingRoutes } from './firmware-routes.ts';
import { operatorPairingRoutes } from './operator-routes.ts';

export interface PairingFeatureDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly changes: BrokerChanges;
  readonly stores: StoreFactory;
  /** What admits the bearer of a device token. */
  readonly admission: RequireTokenDeps;
  /** Keys the hashes of pairing codes. */
  readonly jwtSecret: string;
  readonly tokenTtlSeconds: number;
  readonly rateLimits: { readonly device: number };
}

/** Pairs of a master and an agent, by operators and by the devices themselves. */
export function createPairing(deps: PairingFeatureDeps) {
  return {
    deviceRoutes: new Hono<AppEnv>().route(
      '/',
      firmwarePairingRoutes({
        ...deps,
        ...deps.admission,
        codeSecret: deps.jwtSecret,
        limits: { ...deps.rateLimits, stores: deps.stores },
      }),
    ),
    operatorRoutes: operatorPairingRoutes(deps),
  };
}
