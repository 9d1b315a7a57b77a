import type { Context, MiddlewareHandler } from 'hono';
import { type AppEnv, bearerCredential } from '../../http/device-answer.ts';
import { tellLimit } from '../../http/rate-limit.ts';
import { AppError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Tokens } from '../../tokens/token.ts';
import type { DeviceRecord } from '../registration.ts';
import type { DeviceStore } from '../store.ts';
import type { RefusedCredential } from './refused-credentials.ts';
import { admitToken, type Refusal } from './request-token.ts';

export interface RequireTokenDeps {
  readonly log: Logger;
  readonly tokens: Pick<Tokens, 'verify'>;
  readonly store: Pick<DeviceStore, 'find'>;
  /** Told of every device that authenticated itself. */
  readonly onSeen: (deviceId: string) => void;
  /** Told of every credential that was refused, where a device is named. */
  readonly onRefused: (refusal: RefusedCredential) => void;
  /** Counts a bad credential of the client; throws `rate_limited` when there were too many. */
  readonly limitGuesses: (c: Context) => Promise<void>;
}

/** The context of routes behind `requireToken`. */
export interface TokenEnv extends AppEnv {
  Variables: AppEnv['Variables'] & { device: DeviceRecord };
}

/** Admits the bearer of a device token alone: a role secret or device key opens nothing but the token request. */
export function requireToken(deps: RequireTokenDeps): MiddlewareHandler<TokenEnv> {
  return async (c, next) => {
    const check = await deps.tokens.verify(bearerCredential(c));
    if (!check.ok) {
      const message = check.reason === 'expired' ? 'The token has expired.' : 'The token is not valid.';
      throw await refuseCredential(c, deps, { reason: check.reason, message });
    }
    const admitted = await admitToken(deps.store, check.subject, check.subject.id);
    if ('outcome' in admitted) throw refuseDevice(c, deps, admitted, check.subject.id);
    deps.onSeen(admitted.id);
    c.set('device', admitted);
    await next();
  };
}

/**
 * Logs and counts a credential that is not good. Only such are counted and limited, after the check: whoever shares an
 * address with somebody who guesses gets in with a good credential.
 */
export async function refuseCredential<E extends AppEnv>(
  c: Context<E>,
  deps: Pick<RequireTokenDeps, 'log' | 'onRefused' | 'limitGuesses'>,
  refusal: { reason: 'bad_credential' | 'expired' | 'superseded'; message: string },
  uuid?: string,
): Promise<AppError> {
  // An expired or superseded one was ours once: devices that come back after a long power cut are not guessing.
  if (refusal.reason === 'bad_credential') await deps.limitGuesses(c);
  deps.log.info({ deviceId: uuid, ip: c.get('ip'), reason: refusal.reason }, 'credential refused');
  if (uuid !== undefined) {
    deps.onRefused({
      deviceId: uuid,
      reason: refusal.reason,
      address: c.get('ip'),
      requestId: c.get('requestId'),
    });
  }
  return new AppError(refusal.reason, refusal.message);
}

/** A refusal of the domain as the failure of a device route. */
export function refuseDevice<E extends AppEnv>(
  c: Context<E>,
  deps: Pick<RequireTokenDeps, 'onRefused'>,
  refusal: Refusal,
  uuid: string,
): AppError {
  deps.onRefused({
    deviceId: uuid,
    reason: refusal.reason,
    address: c.get('ip'),
    requestId: c.get('requestId'),
  });
  const { reason, message, exceeded } = refusal;
  if (!exceeded) return new AppError(reason, message);
  tellLimit(c, exceeded, exceeded.resetSeconds);
  return new AppError(reason, message, { retryAfterSeconds: exceeded.resetSeconds });
}
