import type { StoreFactory } from '../http/rate-limit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import type { OperatorsDeps } from './deps.ts';
import { ensureFirstAdmin, type FirstAdmin } from './first-admin.ts';
import { createPasswords } from './passwords.ts';
import { createKnownBrowsers } from './sessions/known-browser.ts';
import { createLoginLimits } from './sessions/login-limits.ts';

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly stores: StoreFactory;
  readonly trustProxyHops: number;
  readonly jwtSecret: string;
  readonly firstAdmin: FirstAdmin | undefined;
}

/** What the feature's routes need, and what it does once the database is ready. */
export interface Operators extends OperatorsDeps {
  databaseIsReady(): Promise<void>;
}

/** Puts the feature together. Opens nothing. */
export function createOperators(options: Options): Operators {
  const { db, clock, random, log, trustProxyHops } = options;
  const passwords = createPasswords(random);
  return {
    db,
    clock,
    random,
    log,
    trustProxyHops,
    passwords,
    loginLimits: createLoginLimits(clock, options.stores),
    knownBrowsers: createKnownBrowsers({ secret: options.jwtSecret, random, trustProxyHops }),
    databaseIsReady: () => ensureFirstAdmin({ db, clock, log, passwords }, options.firstAdmin),
  };
}
