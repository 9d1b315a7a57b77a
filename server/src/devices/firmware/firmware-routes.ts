import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { deviceUuid } from '../../../contract/uuid.ts';
import { ipNetwork } from '../../http/client-ip.ts';
import { type AppEnv, allowOnly, bearerCredential } from '../../http/device-answer.ts';
import { limitFailures, limitRequests, type StoreFactory } from '../../http/rate-limit.ts';
import { AppError } from '../../platform/errors.ts';
import type { Credential, CredentialCheck } from './credential.ts';
import { type RequestTokenDeps, requestToken } from './request-token.ts';
import { type RequireTokenDeps, refuseCredential, refuseDevice, requireToken } from './require-token.ts';
import type { DeviceRecord } from './store.ts';

export interface FirmwareRoutesDeps extends RequestTokenDeps, Omit<RequireTokenDeps, 'tokens' | 'store'> {
  readonly checkCredential: CredentialCheck;
  /** `host:port` of the broker, as devices reach it. */
  readonly mqttHost: string;
  readonly mqttTlsHost?: string | undefined;
  readonly limits: {
    readonly stores: StoreFactory;
    /** Token requests of one device, per minute. */
    readonly device: number;
    /** Bad credentials of one address, per 10 minutes. */
    readonly failed: number;
  };
}

interface DeviceEnv extends AppEnv {
  Variables: AppEnv['Variables'] & {
    uuid: string;
    credential: Exclude<Credential, { kind: 'refused' }>;
    device: DeviceRecord;
    badCredential: boolean;
  };
}

const MINUTE_MS = 60_000;

/** What devices call: docs/protocol.md, section 2. */
export function firmwareRoutes(deps: FirmwareRoutesDeps): Hono<DeviceEnv> {
  const app = new Hono<DeviceEnv>();
  const limitBadCredentials = limitFailures<DeviceEnv>({
    ...deps.limits,
    clock: deps.clock,
    name: 'bad credentials of an address',
    limit: deps.limits.failed,
    windowMs: 10 * MINUTE_MS,
    key: (c) => ipNetwork(c.get('ip')),
    failed: (c) => c.get('badCredential') === true,
  });
  const limitDevice = limitRequests<DeviceEnv>({
    ...deps.limits,
    clock: deps.clock,
    name: 'token requests of a device',
    limit: deps.limits.device,
    windowMs: MINUTE_MS,
    key: (c) => {
      const credential = c.get('credential');
      return credential.kind === 'token' ? credential.subject.id : c.get('uuid');
    },
  });

  app.get('/auth/devices/request', limitBadCredentials, requireCredential(deps), limitDevice, async (c) => {
    const origin = { address: c.get('ip'), requestId: c.get('requestId') };
    const result = await requestToken(deps, c.get('uuid'), c.get('credential'), origin);
    if (result.outcome === 'refused') throw refuseDevice(c, deps, result, c.get('uuid'));
    deps.onSeen(result.device.id);
    const { token, username, expiresInSeconds, issuedAt } = result.issued;
    c.header('Cache-Control', 'no-store');
    return c.json({ c: 'OK', t: token, u: username, x: expiresInSeconds, n: issuedAt });
  });
  allowOnly(app, '/auth/devices/request', 'GET, HEAD');

  app.get('/mqtt', limitBadCredentials, requireToken(deps), (c) => {
    c.header('Cache-Control', 'no-store');
    return c.json({
      c: 'OK',
      ip: deps.mqttHost,
      ...(deps.mqttTlsHost === undefined ? {} : { tls: deps.mqttTlsHost }),
    });
  });
  allowOnly(app, '/mqtt', 'GET, HEAD');

  return app;
}

function requireCredential(deps: FirmwareRoutesDeps): MiddlewareHandler<DeviceEnv> {
  return async (c, next) => {
    const presented = bearerCredential(c);
    const uuid = requestedUuid(c);
    const credential = await deps.checkCredential(presented, uuid);
    if (credential.kind === 'refused') throw refuseCredential(c, deps, credential, uuid);
    c.set('uuid', uuid);
    c.set('credential', credential);
    await next();
  };
}

function requestedUuid(c: Context): string {
  const given = c.req.queries('uuid') ?? [];
  const parsed = deviceUuid.safeParse(given.length === 1 ? given[0] : undefined);
  if (!parsed.success)
    throw new AppError('bad_request', 'Give the UUID of the device once, as ?uuid=<uuid>.');
  return parsed.data;
}
