import type { Actor } from '../http/actor.ts';
import type { Clock } from '../platform/clock.ts';
import type { Queryable } from '../platform/db/client.ts';
import { validKeys } from './api-keys/store.ts';
import { liveSessions } from './sessions/store.ts';

/** Of those who made requests that are still being answered, whose session or API key is good now. */
export async function stillAuthenticated(
  { db, clock }: { readonly db: Queryable; readonly clock: Clock },
  actors: readonly Actor[],
): Promise<(actor: Actor) => boolean> {
  const sessions = actors.flatMap(({ sessionId }) => sessionId ?? []);
  const keys = actors.flatMap(({ kind, id }) => (kind === 'api_key' ? id : []));
  const good = new Set([
    ...(sessions.length > 0 ? await liveSessions(db, sessions, clock.now()) : []),
    ...(keys.length > 0 ? await validKeys(db, keys, clock.now()) : []),
  ]);
  return ({ id, sessionId }) => good.has(sessionId ?? id);
}
