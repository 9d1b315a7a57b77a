import type { MiddlewareHandler } from 'hono';
import { csrf } from 'hono/csrf';
import { AppError } from '../platform/errors.ts';
import type { AppEnv } from './device-answer.ts';
import { requestOrigin } from './request-origin.ts';

const SAFE = /^(GET|HEAD|OPTIONS)$/;

/**
 * Refuses cross-site changes. Browsers state where a request comes from in
 * `Sec-Fetch-Site`, or in `Origin` where the page came by plain HTTP. A request with `Authorization` is none that a browser
 * adds credentials to.
 */
export function refuseCrossSite(trustProxyHops: number): MiddlewareHandler<AppEnv> {
  const isOwn = (origin: string, c: Parameters<typeof requestOrigin>[0]) =>
    origin === requestOrigin(c, trustProxyHops);
  const sameOrigin = csrf({ origin: isOwn });
  return async (c, next) => {
    if (c.req.header('authorization') !== undefined) return next();
    const site = c.req.header('sec-fetch-site');
    const origin = c.req.header('origin');
    // hono/csrf leaves JSON to the preflight; what the browser says is checked all the same.
    const foreign = site === undefined ? origin !== undefined && !isOwn(origin, c) : site !== 'same-origin';
    if (!SAFE.test(c.req.method) && foreign) {
      throw new AppError(
        'forbidden',
        'Requests authenticated by a cookie must come from a page of this server.',
      );
    }
    return sameOrigin(c, next);
  };
}
