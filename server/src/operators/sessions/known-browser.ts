import { createHmac } from 'node:crypto';
import type { Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { isHttps } from '../../http/request-origin.ts';
import type { Random } from '../../platform/random.ts';
import { secretDigest } from '../../platform/secrets.ts';

/** Marks browsers in which an account has logged in, for the login limits. The mark grants no access. */
export interface KnownBrowsers {
  /** The mark of this browser for the account, if it has one that this server made. */
  find(c: Context, username: string): string | undefined;
  mark(c: Context, username: string): void;
}

interface KnownBrowsersDeps {
  /** Any secret of the server. */
  readonly secret: string;
  readonly random: Random;
  readonly trustProxyHops: number;
}

const NAME = 'siot_browser';
const LIFETIME_SECONDS = 180 * 24 * 3_600;

export function createKnownBrowsers(deps: KnownBrowsersDeps): KnownBrowsers {
  const key = createHmac('sha256', deps.secret).update('known browsers').digest();

  function signed(mark: string, username: string): string {
    return `${mark}.${createHmac('sha256', key).update(`${mark} ${username}`).digest('base64url')}`;
  }

  return {
    find(c, username) {
      const cookie = isHttps(c, deps.trustProxyHops) ? getCookie(c, NAME, 'host') : getCookie(c, NAME);
      const mark = cookie?.split('.')[0];
      if (!cookie || !mark) return undefined;
      return secretDigest(signed(mark, username)).matches(cookie) ? mark : undefined;
    },
    mark(c, username) {
      const mark = Buffer.from(deps.random.bytes(16)).toString('base64url');
      const common = { path: '/', httpOnly: true, sameSite: 'Strict', maxAge: LIFETIME_SECONDS } as const;
      setCookie(
        c,
        NAME,
        signed(mark, username),
        isHttps(c, deps.trustProxyHops) ? { ...common, prefix: 'host', secure: true } : common,
      );
    },
  };
}
