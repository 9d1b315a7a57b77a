import type { Context, MiddlewareHandler } from 'hono';
import { ipNetwork } from '../../http/client-ip.ts';
import { type AppEnv, bearerCredential } from '../../http/device-answer.ts';
import { limitFailures, type StoreFactory } from '../../http/rate-limit.ts';
import type { Clock } from '../../platform/clock.ts';
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
}

/** The context of routes behind `requireToken`; `badCredential` is what the limit of failures counts. */
export interface TokenEnv extends AppEnv {
  Variables: AppEnv['Variables'] & { device: DeviceRecord; badCredential: boolean };
}

interface BadCredentialLimitDeps {
  readonly clock: Clock;
  /** `failed`: bad credentials of one address, per 10 minutes. */
  readonly limits: { readonly stores: StoreFactory; readonly failed: number };
}

/** Limits bad credentials per address, over all routes of firmware together. */
export function limitBadCredentials<E extends AppEnv & { Variables: { badCredential: boolean } } = TokenEnv>(
  deps: BadCredentialLimitDeps,
): MiddlewareHandler<E> {
  return limitFailures<E>({
    clock: deps.clock,
    stores: deps.limits.stores,
    name: 'bad credentials of an address',
    limit: deps.limits.failed,
    windowMs: 10 * 60_000,
    key: (c) => ipNetwork(c.get('ip')),
    failed: (c) => c.get('badCredential') === true,
  });
}

/** Admits the bearer of a device token alone: a role secret or device key opens nothing but the token request. */
export function requireToken(deps: RequireTokenDeps): MiddlewareHandler<TokenEnv> {
  return async (c, next) => {
    const check = await deps.tokens.verify(bearerCredential(c));
    if (!check.ok) {
      const message = check.reason === 'expired' ? 'The token has expired.' : 'The token is not valid.';
      throw refuseCredential(c, deps, { reason: check.reason, message });
    }
    const admitted = await admitToken(deps.store, check.subject, check.subject.id);
    if ('outcome' in admitted) throw refuseDevice(c, deps, admitted, check.subject.id);
    deps.onSeen(admitted.id);
    c.set('device', admitted);
    await next();
  };
}

/** Logs and counts a credential that is not good. */
export function refuseCredential<E extends AppEnv & { Variables: { badCredential: boolean } }>(
  c: Context<E>,
  deps: Pick<RequireTokenDeps, 'log' | 'onRefused'>,
  refusal: { reason: 'bad_credential' | 'expired'; message: string },
  uuid?: string,
): AppError {
  // An expired token was ours once: devices that come back after a long power cut are not guessing.
  if (refusal.reason === 'bad_credential') c.set('badCredential', true);
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
  return new AppError(refusal.reason, refusal.message, {
    ...(refusal.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: refusal.retryAfterSeconds }),
  });
}
