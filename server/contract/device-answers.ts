import { z } from 'zod';
import { failureClasses, reasons } from './reasons.ts';
import { deviceId, deviceUuid } from './uuid.ts';

const ok = z.literal('OK');
export const MAX_AGENTS_PAGE = 100;

/** What every failed request of a device is answered. */
export const deviceFailure = z
  .object({
    c: z.enum(failureClasses),
    r: z.enum(reasons).describe('Machine-readable reason'),
    m: z.string().describe('Human-readable reason'),
  })
  .meta({ id: 'DeviceFailure' });

/** The query of `GET /auth/devices/request`. */
export const tokenQuery = z.object({ uuid: deviceUuid });

/** `GET /auth/devices/request`. */
export const tokenAnswer = z
  .object({
    c: ok,
    t: z.string().describe('The token: bearer token and MQTT password'),
    u: z.string().describe('MQTT user name, the client id and the generation: `<client id>.<generation>`'),
    x: z.int().describe('Seconds until the token expires'),
    n: z.int().describe("The server's time in Unix seconds"),
  })
  .meta({ id: 'DeviceToken' });

/** `GET /mqtt`. */
export const brokerAddress = z
  .object({
    c: ok,
    ip: z.string().describe('host:port'),
    tls: z.string().optional().describe('host:port of the TLS listener'),
  })
  .meta({ id: 'BrokerAddress' });

/** `POST /devices/pairing-code`. */
export const pairingCode = z
  .object({
    c: ok,
    code: z.string().describe('Six digits, valid once'),
    x: z.int().describe('Seconds until the code expires'),
  })
  .meta({ id: 'PairingCode' });

/** The query of `GET /devices/agents`. */
export const ownAgentsQuery = z.object({
  after: deviceUuid.optional().describe('`next` of the previous page'),
  limit: z.coerce.number().int().min(1).max(MAX_AGENTS_PAGE).default(20),
});

export const ownAgentsAnswer = z
  .object({ c: ok, a: z.array(deviceId), next: deviceId.optional().describe('`after` of the next page') })
  .meta({ id: 'OwnAgents' });

/** The path of `PUT` and `DELETE /devices/agents/{uuid}`. */
export const agentPath = z.object({ uuid: deviceUuid });

/** The body of `PUT /devices/agents/{uuid}`. */
export const confirmation = z.object({ code: z.string().regex(/^\d{6}$/) }).meta({ id: 'Confirmation' });

/** `PUT` and `DELETE /devices/agents/{uuid}`. */
export const paired = z
  .object({
    c: ok,
    ms: z
      .int()
      .optional()
      .describe('Milliseconds until it took effect; absent while the broker is unreachable'),
  })
  .meta({ id: 'DevicePaired' });

export type TokenAnswer = z.output<typeof tokenAnswer>;
export type BrokerAddress = z.output<typeof brokerAddress>;
