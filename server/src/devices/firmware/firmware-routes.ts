import { type Context, Hono, type MiddlewareHandler } from 'hono';
import {
  type BrokerAddress,
  brokerAddress,
  type TokenAnswer,
  tokenAnswer,
  tokenQuery,
} from '../../../contract/device-answers.ts';
import { deviceUuid } from '../../../contract/uuid.ts';
import { describeDeviceOperation } from '../../http/describe-device.ts';
import { type AppEnv, allowOnly, bearerCredential } from '../../http/device-answer.ts';
import { limitRequests, type StoreFactory } from '../../http/rate-limit.ts';
import { AppError } from '../../platform/errors.ts';
import type { DeviceRecord } from '../registration.ts';
import type { Credential, CredentialCheck } from './credential.ts';
import { type RequestTokenDeps, requestToken } from './request-token.ts';
import {
  limitBadCredentials,
  type RequireTokenDeps,
  refuseCredential,
  refuseDevice,
  requireToken,
} from './require-token.ts';

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
  const limitAddress = limitBadCredentials<DeviceEnv>(deps);
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

  const describeRequest = describeDeviceOperation({
    id: 'requestToken',
    summary: 'Request a token, or renew one',
    credential: 'deviceCredential',
    query: tokenQuery,
    answer: tokenAnswer,
    reasons: ['bad_request', 'wrong_device', 'wrong_role', 'pending', 'unknown_device'],
  });
  app.get(
    '/auth/devices/request',
    describeRequest,
    limitAddress,
    requireCredential(deps),
    limitDevice,
    async (c) => {
      const origin = { address: c.get('ip'), requestId: c.get('requestId') };
      const result = await requestToken(deps, c.get('uuid'), c.get('credential'), origin);
      if (result.outcome === 'refused') throw refuseDevice(c, deps, result, c.get('uuid'));
      deps.onSeen(result.device.id);
      const { token, username, expiresInSeconds, issuedAt } = result.issued;
      c.header('Cache-Control', 'no-store');
      const body: TokenAnswer = { c: 'OK', t: token, u: username, x: expiresInSeconds, n: issuedAt };
      return c.json(body);
    },
  );
  allowOnly(app, '/auth/devices/request', 'GET, HEAD');

  const address: BrokerAddress = {
    c: 'OK',
    ip: deps.mqttHost,
    ...(deps.mqttTlsHost === undefined ? {} : { tls: deps.mqttTlsHost }),
  };
  const describeAddress = describeDeviceOperation({
    id: 'findBroker',
    summary: "Get the broker's address",
    credential: 'deviceToken',
    answer: brokerAddress,
    reasons: [],
  });
  app.get('/mqtt', describeAddress, limitAddress, requireToken(deps), (c) => {
    c.header('Cache-Control', 'no-store');
    return c.json(address);
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
    throw new AppError('bad_request', 'Specify the UUID of the device exactly once, as ?uuid=<uuid>.');
  return parsed.data;
}
