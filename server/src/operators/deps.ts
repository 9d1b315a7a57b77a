import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import type { Passwords } from './passwords.ts';
import type { KnownBrowsers } from './sessions/known-browser.ts';
import type { LoginLimits } from './sessions/login-limits.ts';

/** What the routes of operators need. */
export interface OperatorsDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly trustProxyHops: number;
  readonly passwords: Passwords;
  readonly loginLimits: LoginLimits;
  readonly knownBrowsers: KnownBrowsers;
}
