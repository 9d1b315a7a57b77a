import type { Actor } from '../http/actor.ts';
import type { Queryable } from '../platform/db/client.ts';
import { AppError } from '../platform/errors.ts';
import { lockRole } from './accounts/store.ts';
import { creatorOf, lockApiKey } from './api-keys/store.ts';
import { lockSession } from './sessions/store.ts';

/**
 * Keeps the rights of whoever makes a request until the transaction ends, for what hands out or takes away rights itself: theirs
 * may have been taken away since the request was authenticated.
 *
 * @returns the operator in whose name they act; nobody for a key without a creator.
 * @throws AppError `bad_credential` when the operator, session or key is gone; `forbidden` for who is a viewer by now.
 */
export async function lockAdmin(tx: Queryable, actor: Actor, now: number): Promise<string | null> {
  // Operators are locked before what goes with them.
  const operatorId = actor.kind === 'operator' ? actor.id : await creatorOf(tx, actor.id);
  const role = operatorId === null ? actor.role : await lockRole(tx, operatorId);
  const isGood =
    actor.kind === 'api_key'
      ? await lockApiKey(tx, actor.id, now)
      : actor.sessionId === undefined || (await lockSession(tx, actor.sessionId));
  if (role === undefined || !isGood) throw new AppError('bad_credential', 'The credential has been revoked.');
  // Demotion removes the keys of the role it takes away.
  if (role !== 'admin') throw new AppError('forbidden', 'Requires the `admin` role.');
  return operatorId;
}
