import { describeRoute, resolver } from 'hono-openapi';
import { z } from 'zod';
import { deviceFailure } from '../../contract/device-answers.ts';
import type { Reason } from '../../contract/reasons.ts';
import { deviceAnswers } from './device-answer.ts';

interface DeviceOperationOptions {
  /** Unique in the document; the name of the function in generated clients. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** What opens it: a token, or anything that a token can be requested with. */
  readonly credential: 'deviceToken' | 'deviceCredential';
  readonly answer: z.ZodType;
  readonly query?: z.ZodObject;
  readonly path?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Reasons of failure beside those every device route has. */
  readonly reasons: readonly Reason[];
}

const EVERYWHERE: readonly Reason[] = [
  'no_credential',
  'bad_credential',
  'expired',
  'superseded',
  'revoked',
  'rate_limited',
  'internal',
  'unavailable',
];

/** Describes a route of the device API for the OpenAPI document; docs/protocol.md is what binds. */
export function describeDeviceOperation(options: DeviceOperationOptions) {
  const { body, description } = options;
  return describeRoute({
    operationId: options.id,
    tags: ['Device API'],
    summary: options.summary,
    ...(description === undefined ? {} : { description }),
    security: [{ [options.credential]: [] }],
    parameters: [...parameters('path', options.path), ...parameters('query', options.query)],
    ...(body
      ? { requestBody: { required: true, content: { 'application/json': { schema: resolver(body) } } } }
      : {}),
    responses: {
      200: { description: 'Success', content: { 'application/json': { schema: resolver(options.answer) } } },
      ...failures([...EVERYWHERE, ...options.reasons]),
    },
  });
}

function parameters(place: 'path' | 'query', schema: z.ZodObject | undefined) {
  if (!schema) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => ({
    in: place,
    name,
    required: required.includes(name),
    schema: property as Record<string, unknown>,
  }));
}

function failures(reasons: readonly Reason[]) {
  const byStatus = Map.groupBy(reasons, (reason) => deviceAnswers[reason].status);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      {
        description: ofStatus.map((reason) => `\`${deviceAnswers[reason].c}\` \`${reason}\``).join('\n\n'),
        content: { 'application/json': { schema: resolver(deviceFailure) } },
      },
    ]),
  );
}
