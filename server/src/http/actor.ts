import type { MiddlewareHandler } from 'hono';
import type { OperatorRole } from '../../contract/roles.ts';
import { AppError } from '../platform/errors.ts';
import type { AppEnv } from './device-answer.ts';

/** Who makes a request to `/api/v1`. */
export interface Actor {
  readonly kind: 'operator' | 'api_key';
  readonly id: string;
  /** User name of the operator, or name of the API key. */
  readonly name: string;
  readonly role: OperatorRole;
  /** The browser session, where an operator makes the request. */
  readonly sessionId?: string;
}

/** The context of every route behind authentication. */
export interface ApiEnv extends AppEnv {
  Variables: AppEnv['Variables'] & { actor: Actor };
}

/** Requires the admin role; a viewer can change nothing. */
export const requireAdmin: MiddlewareHandler<ApiEnv> = async (c, next) => {
  if (c.get('actor').role !== 'admin') throw new AppError('forbidden', 'Requires the `admin` role.');
  await next();
};
