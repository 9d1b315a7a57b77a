import type { Actor } from '../http/actor.ts';
import type { StoreFactory } from '../http/rate-limit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { authenticate } from './authenticate.ts';
import type { OperatorsDeps } from './deps.ts';
import { ensureFirstAdmin, type FirstAdmin } from './first-admin.ts';
import { createPasswords } from './passwords.ts';
import { operatorRoutes } from './routes.ts';
import { createKnownBrowsers } from './sessions/known-browser.ts';
import { logIn } from './sessions/log-in.ts';
import { createLoginLimits } from './sessions/login-limits.ts';
import { stillAuthenticated } from './still-authenticated.ts';

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

/** Accounts, their sessions and API keys. Opens nothing. */
export function createOperators(options: Options) {
  const { db, clock, random, log, trustProxyHops } = options;
  const passwords = createPasswords(random);
  const deps: OperatorsDeps = {
    db,
    clock,
    random,
    log,
    trustProxyHops,
    passwords,
    loginLimits: createLoginLimits(clock, options.stores),
    knownBrowsers: createKnownBrowsers({ secret: options.jwtSecret, random, trustProxyHops }),
  };
  return {
    /** Finds out who makes a request of `/api/v1`. */
    authenticate: authenticate(deps),
    /** Finds out whose credential is still good, of those whose requests go on. */
    stillAuthenticated: (actors: readonly Actor[]) => stillAuthenticated({ db, clock }, actors),
    /** Before authentication: the log-in. */
    publicRoutes: logIn(deps),
    operatorRoutes: operatorRoutes(deps),
    /** Creates the first administrator if there is none. */
    prepareDatabase: () => ensureFirstAdmin({ db, clock, log, passwords }, options.firstAdmin),
  };
}
