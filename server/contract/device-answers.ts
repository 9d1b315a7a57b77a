import { z } from 'zod';
import { failureClasses, reasons } from './reasons.ts';
import { deviceUuid } from './uuid.ts';

const ok = z.literal('OK');
const MAX_AGENTS_PAGE = 100;

/** What every failed request of a device is answered. */
export const deviceFailure = z
  .object({
    c: z.enum(failureClasses),
    r: z.enum(reasons).describe('Why, for a machine'),
    m: z.string().describe('Why, for a person'),
  })
  .meta({ id: 'DeviceFailure' });

/** `GET /auth/devices/request`. */
export const tokenAnswer = z
  .object({
    c: ok,
    t: z.string().describe('The token: bearer token and MQTT password'),
    u: z.string().describe('MQTT user name'),
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
    code: z.string().describe('Six digits, good once'),
    x: z.int().describe('Seconds until the code expires'),
  })
  .meta({ id: 'PairingCode' });

/** The query of `GET /devices/agents`. */
export const ownAgentsQuery = z.object({
  after: deviceUuid.optional().describe('`next` of the page before'),
  limit: z.coerce.number().int().min(1).max(MAX_AGENTS_PAGE).default(20),
});

export const ownAgents = z
  .object({ c: ok, a: z.array(z.uuid()), next: z.uuid().optional().describe('`after` of the next page') })
  .meta({ id: 'OwnAgents' });

/** The body of `PUT /devices/agents/{uuid}`. */
export const confirmation = z.object({ code: z.string().regex(/^\d{6}$/) }).meta({ id: 'Confirmation' });

/** `PUT` and `DELETE /devices/agents/{uuid}`. */
export const paired = z
  .object({
    c: ok,
    ms: z.int().optional().describe('Milliseconds until it took effect; absent while the broker is away'),
  })
  .meta({ id: 'DevicePaired' });

export type TokenAnswer = z.output<typeof tokenAnswer>;
export type BrokerAddress = z.output<typeof brokerAddress>;
export type DeviceFailure = z.output<typeof deviceFailure>;
