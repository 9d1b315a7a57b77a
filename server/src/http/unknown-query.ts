import type { Handler, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { uniqueSymbol } from 'hono-openapi';
import { AppError } from '../platform/errors.ts';
import type { AppEnv } from './device-answer.ts';

/** Refuses parameters of routes that take none; those of the others are checked by their schemas (`validate`). */
export const refuseUnknownQuery: MiddlewareHandler<AppEnv> = async (c, next) => {
  const names = Object.keys(c.req.query());
  if (names.length > 0) {
    const handlers = matchedRoutes(c).filter(({ method }) => method !== 'ALL');
    if (handlers.length > 0 && !handlers.some(({ handler }) => takesQuery(handler))) {
      throw new AppError('bad_request', 'The request has invalid parameters.', {
        faults: names.map((field) => ({ field, message: 'unknown parameter' })),
      });
    }
  }
  await next();
};

/** `hono-openapi` marks its validators with what they validate. */
function takesQuery(handler: Handler | MiddlewareHandler): boolean {
  const mark: unknown = Reflect.get(handler, uniqueSymbol);
  return typeof mark === 'object' && mark !== null && 'target' in mark && mark.target === 'query';
}
