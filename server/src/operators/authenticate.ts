import type { Context, MiddlewareHandler } from 'hono';
import type { Actor, ApiEnv } from '../http/actor.ts';
import { bearerCredential } from '../http/device-answer.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { AppError } from '../platform/errors.ts';
import { sha256Hex } from '../platform/secrets.ts';
import { findApiKey, touchApiKey } from './api-keys/store.ts';
import { sessionCookie } from './sessions/cookie.ts';
import { findSession, touchSession } from './sessions/store.ts';

interface AuthenticateDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly trustProxyHops: number;
}

/** The time of last use is written at most this often, not with each request. */
const TOUCH_MS = 60_000;

/** Authenticates a request by the API key in `Authorization`, else by the session cookie. */
export function authenticate(deps: AuthenticateDeps): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const actor =
      c.req.header('authorization') === undefined ? await bySession(deps, c) : await byApiKey(deps, c);
    if (!actor) throw new AppError('bad_credential', 'Send a valid API key, or log in.');
    c.set('actor', actor);
    await next();
  };
}

async function byApiKey(deps: AuthenticateDeps, c: Context<ApiEnv>): Promise<Actor | undefined> {
  const now = deps.clock.now();
  const key = await findApiKey(deps.db, sha256Hex(bearerCredential(c)), now);
  if (!key) return undefined;
  if (isStale(key.lastUsedAt, now)) await touchApiKey(deps.db, key.id, now);
  return { kind: 'api_key', id: key.id, name: key.name, role: key.role };
}

async function bySession(deps: AuthenticateDeps, c: Context<ApiEnv>): Promise<Actor | undefined> {
  const token = sessionCookie(c, deps.trustProxyHops);
  if (!token) return undefined;
  const now = deps.clock.now();
  const session = await findSession(deps.db, sha256Hex(token), now);
  if (!session) return undefined;
  if (isStale(session.lastUsedAt, now)) await touchSession(deps.db, session.sessionId, now);
  return {
    kind: 'operator',
    id: session.operatorId,
    name: session.username,
    role: session.role,
    sessionId: session.sessionId,
  };
}

function isStale(lastUsedAt: Date | null, now: number): boolean {
  // One in the future was written by a wrong clock.
  return lastUsedAt === null || Math.abs(now - lastUsedAt.getTime()) >= TOUCH_MS;
}
