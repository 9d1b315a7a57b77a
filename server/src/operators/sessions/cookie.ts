import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { isHttps } from '../../http/request-origin.ts';

const NAME = 'siot_session';

/** What of a session cookie depends on the request: behind TLS it is `Secure` and has the prefix `__Host-` (RFC 6265bis). */
function attributes(c: Context, trustProxyHops: number) {
  const common = { path: '/', httpOnly: true, sameSite: 'Strict' } as const;
  return isHttps(c, trustProxyHops) ? ({ ...common, prefix: 'host', secure: true } as const) : common;
}

/** The session token of a request, if it has one. */
export function sessionCookie(c: Context, trustProxyHops: number): string | undefined {
  return isHttps(c, trustProxyHops) ? getCookie(c, NAME, 'host') : getCookie(c, NAME);
}

export function setSessionCookie(
  c: Context,
  trustProxyHops: number,
  token: string,
  maxAgeSeconds: number,
): void {
  setCookie(c, NAME, token, { ...attributes(c, trustProxyHops), maxAge: maxAgeSeconds });
}

export function clearSessionCookie(c: Context, trustProxyHops: number): void {
  deleteCookie(c, NAME, attributes(c, trustProxyHops));
}
