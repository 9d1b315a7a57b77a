import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../platform/errors.ts';
import type { AppEnv } from './device-answer.ts';
import { requestOrigin } from './request-origin.ts';

const SAFE = /^(GET|HEAD|OPTIONS)$/;
/** Bounded: the header is the client's to choose. */
const MAX_QUOTED = 100;

/**
 * Refuses cross-site changes. A browser states where a change comes from in `Sec-Fetch-Site`, or in `Origin` where the page
 * came by plain HTTP; what sends neither is no browser. What a form can send is refused by its type (`receiveBody`), and the
 * session cookie is `SameSite=Strict`. A request with `Authorization` is none that a browser adds credentials to.
 */
export function refuseCrossSite(trustProxyHops: number): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (SAFE.test(c.req.method) || c.req.header('authorization') !== undefined) return next();
    const fault = crossSiteFault(c, trustProxyHops);
    if (fault !== undefined) throw new AppError('forbidden', fault);
    await next();
  };
}

/** Why a change counts as cross-site, and what to send instead; nothing if it does not. */
function crossSiteFault(c: Context, trustProxyHops: number): string | undefined {
  const site = c.req.header('sec-fetch-site');
  if (site === 'same-origin') return undefined;
  if (site !== undefined) {
    return `Sec-Fetch-Site says ${quoted(site)}: requests authenticated by a cookie must come from a page of this server. Scripts send an API key as "Authorization: Bearer siot_…".`;
  }
  const origin = c.req.header('origin');
  const own = requestOrigin(c, trustProxyHops);
  if (origin === undefined || origin === own) return undefined;
  return `The request comes from ${quoted(origin)}, but this server knows itself as ${quoted(own)}. Requests authenticated by a cookie must come from a page of this server, with Origin: ${quoted(own)}, or without Origin from a script.${proxyAdvice(origin, own)}`;
}

/** What a proxy has to pass on where only its rewriting of the address can be the difference. */
function proxyAdvice(origin: string, own: string): string {
  if (!URL.canParse(origin) || !URL.canParse(own)) return '';
  const [theirs, ours] = [new URL(origin), new URL(own)];
  if (theirs.hostname !== ours.hostname) return '';
  if (theirs.protocol !== ours.protocol) {
    return ' Behind a reverse proxy with TLS, set X-Forwarded-Proto there and TRUST_PROXY_HOPS here.';
  }
  return ' Behind a reverse proxy, pass the port on in Host; in nginx: proxy_set_header Host $http_host;';
}

function quoted(text: string): string {
  return text.slice(0, MAX_QUOTED);
}
