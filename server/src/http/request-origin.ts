import type { Context } from 'hono';

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
