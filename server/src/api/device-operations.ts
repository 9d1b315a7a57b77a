import { Hono } from 'hono';
import { type DescribeRouteOptions, describeRoute, resolver } from 'hono-openapi';
import { z } from 'zod';
import { type AppEnv, deviceAnswers } from '../http/device-answer.ts';

const failure = z
  .object({
    c: z.enum(['FORBIDDEN', 'NOT_REGISTERED', 'ERROR']),
    r: z.enum(Object.keys(deviceAnswers)).describe('Why, for a machine'),
    m: z.string().describe('Why, for a person'),
  })
  .meta({ id: 'DeviceFailure' });

const ok = z.literal('OK');

const token = z
  .object({
    c: ok,
    t: z.string().describe('The token: bearer token and MQTT password'),
    u: z.string().describe('MQTT user name'),
    x: z.int().describe('Seconds until the token expires'),
    n: z.int().describe("The server's time in Unix seconds"),
  })
  .meta({ id: 'DeviceToken' });

const brokerAddress = z
  .object({
    c: ok,
    ip: z.string().describe('host:port'),
    tls: z.string().optional().describe('host:port of the TLS listener'),
  })
  .meta({ id: 'BrokerAddress' });

const agents = z
  .object({ c: ok, a: z.array(z.uuid()), next: z.uuid().optional().describe('`after` of the next page') })
  .meta({ id: 'OwnAgents' });

const pairingCode = z
  .object({
    c: ok,
    code: z.string().describe('Six digits, good once'),
    x: z.int().describe('Seconds until the code expires'),
  })
  .meta({ id: 'PairingCode' });

const paired = z
  .object({
    c: ok,
    ms: z.int().optional().describe('Milliseconds until it was in effect; absent while the broker is away'),
  })
  .meta({ id: 'DevicePaired' });

const uuidInPath = {
  in: 'path' as const,
  name: 'uuid',
  required: true,
  schema: { type: 'string' as const, format: 'uuid' },
};

function describe(
  operationId: string,
  summary: string,
  answer: z.ZodType,
  credential: 'deviceCredential' | 'deviceToken',
  more: Partial<DescribeRouteOptions> = {},
) {
  return describeRoute({
    operationId,
    tags: ['Devices themselves'],
    summary,
    security: [{ [credential]: [] }],
    ...more,
    responses: {
      200: { description: 'Success', content: { 'application/json': { schema: resolver(answer) } } },
      default: {
        description: 'Failure; docs/protocol.md has the table of reasons',
        content: { 'application/json': { schema: resolver(failure) } },
      },
    },
  });
}

/**
 * Describes what devices call for the OpenAPI document; docs/protocol.md is what binds. Mount it behind the routes
 * themselves: these answer first, so nothing here ever runs.
 */
export function deviceOperations() {
  return new Hono<AppEnv>()
    .get(
      '/auth/devices/request',
      describe('requestToken', 'Ask for a token, or renew one', token, 'deviceCredential', {
        parameters: [
          { in: 'query', name: 'uuid', required: true, schema: { type: 'string', format: 'uuid' } },
        ],
      }),
    )
    .get('/mqtt', describe('findBroker', 'Ask where the broker is', brokerAddress, 'deviceToken'))
    .post(
      '/devices/pairing-code',
      describe('issuePairingCode', 'Ask for a pairing code, as an agent', pairingCode, 'deviceToken'),
    )
    .get(
      '/devices/agents',
      describe('listOwnAgents', "List the master's own agents", agents, 'deviceToken', {
        parameters: [
          { in: 'query', name: 'after', schema: { type: 'string', format: 'uuid' } },
          { in: 'query', name: 'limit', schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 } },
        ],
      }),
    )
    .put(
      '/devices/agents/:uuid',
      describe('claimAgent', 'Pair an agent by its pairing code', paired, 'deviceToken', {
        parameters: [uuidInPath],
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: resolver(z.object({ code: z.string().regex(/^\d{6}$/) }).meta({ id: 'Confirmation' })),
            },
          },
        },
      }),
    )
    .delete(
      '/devices/agents/:uuid',
      describe('releaseAgent', 'Unpair an agent', paired, 'deviceToken', { parameters: [uuidInPath] }),
    );
}
