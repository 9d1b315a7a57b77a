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
import { type RequireTokenDeps, refuseCredential, refuseDevice, requireToken } from './require-token.ts';

export interface FirmwareRoutesDeps extends RequestTokenDeps, Omit<RequireTokenDeps, 'tokens' | 'store'> {
  readonly checkCredential: CredentialCheck;
  /** `host:port` of the broker, as devices reach it. */
  readonly mqttHost: string;
  readonly mqttTlsHost?: string | undefined;
  readonly limits: {
    readonly stores: StoreFactory;
    /** Token requests of one device, per minute. */
    readonly device: number;
  };
}

interface DeviceEnv extends AppEnv {
  Variables: AppEnv['Variables'] & {
    uuid: string;
    credential: Exclude<Credential, { kind: 'refused' }>;
    device: DeviceRecord;
  };
}

const MINUTE_MS = 60_000;

/** What devices call: docs/protocol.md, section 2. */
export function firmwareRoutes(deps: FirmwareRoutesDeps): Hono<DeviceEnv> {
  const app = new Hono<DeviceEnv>();
  const limitDevice = limitRequests<DeviceEnv>({
    ...deps.limits,
    clock: deps.clock,
    name: 'token requests of a device',
    limit: deps.limits.device,
    windowMs: MINUTE_MS,
    key: (c) => limitKey(c.get('credential'), c.get('uuid')),
  });

  const describeRequest = describeDeviceOperation({
    id: 'requestToken',
    summary: 'Request a token, or renew one',
    description:
      'Connect to the broker with the UUID in lower case as the client id, `u` as the user name and `t` as the password. The broker compares the client id with the `sub` of the token, which is lower case however the UUID was written in the request: one that differs by case is refused with CONNACK 4 (MQTT 5: 134).',
    credential: 'deviceCredential',
    query: tokenQuery,
    answer: tokenAnswer,
    reasons: ['bad_request', 'wrong_device', 'wrong_role', 'pending', 'unknown_device'],
  });
  app.get('/auth/devices/request', describeRequest, requireCredential(deps), limitDevice, async (c) => {
    const origin = { address: c.get('ip'), requestId: c.get('requestId') };
    const result = await requestToken(deps, c.get('uuid'), c.get('credential'), origin);
    if (result.outcome === 'refused') throw refuseDevice(c, deps, result, c.get('uuid'));
    deps.onSeen(result.device.id);
    const { token, username, expiresInSeconds, issuedAt } = result.issued;
    c.header('Cache-Control', 'no-store');
    const body: TokenAnswer = { c: 'OK', t: token, u: username, x: expiresInSeconds, n: issuedAt };
    return c.json(body);
  });
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
  app.get('/mqtt', describeAddress, requireToken(deps), (c) => {
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
    if (credential.kind === 'refused') throw await refuseCredential(c, deps, credential, uuid);
    c.set('uuid', uuid);
    c.set('credential', credential);
    await next();
  };
}

/**
 * What the requests of a device are counted by: each of its credentials for itself, so that the holder of one that reaches
 * nothing (a secret of the other role, a token or key that has been replaced) does not use up those of the device.
 */
function limitKey(credential: DeviceEnv['Variables']['credential'], uuid: string): string {
  switch (credential.kind) {
    case 'token':
      return `token ${credential.subject.id} ${credential.subject.generation}`;
    case 'device_key':
      return `key ${credential.role} ${uuid} ${credential.keyNumber}`;
    case 'role_secret':
      return `secret ${credential.role} ${uuid}`;
  }
}

/** Whether a request, of whatever route, shows a good credential of a device. It may still not reach what it asks for. */
export function presentsCredential(
  deps: Pick<FirmwareRoutesDeps, 'tokens' | 'checkCredential'>,
): (c: Context) => Promise<boolean> {
  return async (c) => {
    if (c.req.header('authorization') === undefined) return false;
    try {
      const credential = bearerCredential(c);
      const uuid = givenUuid(c);
      if (uuid === undefined) return (await deps.tokens.verify(credential)).ok;
      return (await deps.checkCredential(credential, uuid)).kind !== 'refused';
    } catch {
      return false;
    }
  };
}

function requestedUuid(c: Context): string {
  const uuid = givenUuid(c);
  if (uuid === undefined)
    throw new AppError('bad_request', 'Specify the UUID of the device exactly once, as ?uuid=<uuid>.');
  return uuid;
}

function givenUuid(c: Context): string | undefined {
  const given = c.req.queries('uuid') ?? [];
  return deviceUuid.safeParse(given.length === 1 ? given[0] : undefined).data;
}
