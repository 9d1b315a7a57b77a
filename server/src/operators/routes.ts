import { Hono } from 'hono';
import type { ApiEnv } from '../api/actor.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { whoAmI } from './sessions/who-am-i.ts';

export interface OperatorsDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly trustProxyHops: number;
}

/** The routes of operators, their sessions, API keys and the audit log. Each file next to this one holds one of them. */
export function operatorRoutes(_deps: OperatorsDeps) {
  return new Hono<ApiEnv>().route('/', whoAmI());
}
