import type { Context } from 'hono';
import type { ApiEnv } from '../../http/actor.ts';
import { Problem } from '../../http/problem.ts';

/**
 * The session of the operator who makes a request.
 *
 * @throws Problem `forbidden` where an API key makes it.
 */
export function ownSession(c: Context<ApiEnv>): { readonly operatorId: string; readonly sessionId: string } {
  const { id, sessionId } = c.get('actor');
  if (sessionId === undefined) {
    throw new Problem('forbidden', 'This takes the session of an operator, which an API key is not.');
  }
  return { operatorId: id, sessionId };
}
