import { describeRoute, resolver } from 'hono-openapi';
import { z } from 'zod';
import { deviceFailure } from '../../contract/device-answers.ts';

interface OpenOperationOptions {
  /** Unique in the document; the name of the function in generated clients. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** The bearer credential that it takes, where it takes one. */
  readonly credential?: 'metricsToken';
  /** What is answered under each status: a schema of JSON, or a media type of text. */
  readonly answers: Readonly<Record<number, { readonly meaning: string; readonly body: z.ZodType | string }>>;
}

/** Describes a route that watches the server, for the OpenAPI document. */
export function describeOpenOperation({ answers, credential, ...options }: OpenOperationOptions) {
  return describeRoute({
    operationId: options.id,
    tags: ['Health'],
    summary: options.summary,
    ...(options.description === undefined ? {} : { description: options.description }),
    security: credential === undefined ? [] : [{ [credential]: [] }],
    responses: Object.fromEntries(
      Object.entries({
        ...answers,
        500: { meaning: '`ERROR` `internal`', body: deviceFailure },
      }).map(([status, { meaning, body }]) => [
        status,
        {
          description: meaning,
          content:
            typeof body === 'string'
              ? { [body]: { schema: resolver(z.string()) } }
              : { 'application/json': { schema: resolver(body) } },
        },
      ]),
    ),
  });
}
