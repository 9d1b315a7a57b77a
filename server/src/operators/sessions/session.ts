import type { Context } from 'hono';
import { z } from 'zod';
import type { ApiEnv } from '../../http/actor.ts';
import { AppError } from '../../platform/errors.ts';

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
 * @throws AppError `forbidden` where an API key makes it.
 */
export function ownSession(c: Context<ApiEnv>): { readonly operatorId: string; readonly sessionId: string } {
  const { id, sessionId } = c.get('actor');
  if (sessionId === undefined) {
    throw new AppError('forbidden', 'Requires an operator session, not an API key.');
  }
  return { operatorId: id, sessionId };
}
