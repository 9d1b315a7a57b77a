import type { Context } from 'hono';
import type { ApiEnv } from '../../http/actor.ts';
import { AppError } from '../../platform/errors.ts';

/**
 * The session of the operator who makes a request.
 *
 * @throws AppError `forbidden` where an API key makes it.
 */
export function ownSession(c: Context<ApiEnv>): { readonly operatorId: string; readonly sessionId: string } {
  const { id, sessionId } = c.get('actor');
  if (sessionId === undefined) {
    throw new AppError('forbidden', 'Requires an operator session, not an API key.');
  }
  return { operatorId: id, sessionId };
}
