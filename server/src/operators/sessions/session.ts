import type { Context } from 'hono';
import { z } from 'zod';
import type { ApiEnv } from '../../http/actor.ts';
import { Problem } from '../../http/problem.ts';

/** Whose credentials a request carries, as `/api/v1` shows it. */
export const identity = z
  .object({
    kind: z.enum(['operator', 'api_key']),
    id: z.uuid(),
    name: z.string().describe('User name of the operator, or name of the API key'),
    role: z.enum(['admin', 'viewer']),
  })
  .meta({ id: 'Identity' });

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
