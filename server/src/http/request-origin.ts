import type { Context, MiddlewareHandler } from 'hono';
import { getPath } from 'hono/utils/url';
import { AppError } from '../platform/errors.ts';

/** The path of a request. Without a host its URL is a path, in which Hono looks for one behind a host. */
export function pathOf(request: Request): string {
  return request.url.startsWith('/') ? request.url.replace(/[?#].*$/s, '') : getPath(request);
}

/**
 * Refuses a Host header that is no host (RFC 9110, section 7.2): the URL of such a request cannot be parsed. Without any, which
 * HTTP/1.0 allows, probes are answered: those of HAProxy send none.
 */
export const refuseMalformedHost: MiddlewareHandler = async (c, next) => {
  const host = c.req.header('host') ?? '';
  const isProbe = host === '' && c.req.path.startsWith('/health/');
  if (!isProbe && !URL.canParse(`http://${host}/`)) {
    throw new AppError('bad_request', 'The Host header is missing or malformed.');
  }
  await next();
};

/**
 * Whether the client reached the server, or the outermost *trusted* proxy before it, by TLS. `X-Forwarded-Proto` counts
 * only behind trusted proxies; where each of them added to it, the entry of the outermost trusted one.
 */
export function isHttps(c: Context, trustedHops: number): boolean {
  const own = new URL(c.req.url).protocol === 'https:';
  if (trustedHops === 0) return own;
  const forwarded = c.req.header('x-forwarded-proto')?.split(',') ?? [];
  const entry = forwarded[Math.max(0, forwarded.length - trustedHops)];
  return entry === undefined ? own : entry.trim().toLowerCase() === 'https';
}

/** The origin (RFC 6454) under which the client reached the server. */
export function requestOrigin(c: Context, trustedHops: number): string {
  const scheme = isHttps(c, trustedHops) ? 'https' : 'http';
  return `${scheme}://${c.req.header('host') ?? new URL(c.req.url).host}`;
}
