import type { Hono } from 'hono';
import { type GenerateSpecOptions, generateSpecs } from 'hono-openapi';
import type { AppEnv } from '../http/device-answer.ts';
import { completeDocument } from './complete-document.ts';

const options: Partial<GenerateSpecOptions> = {
  excludeStaticFile: false,
  defaultValidationErrorResponse: false,
  documentation: {
    info: {
      title: 'Simple IoT Server',
      version: '1',
      description:
        'Operators manage devices under `/api/v1`; failures there are problem details (RFC 9457). Devices get their tokens under the paths without that prefix.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }, { session: [] }, { secureSession: [] }],
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, `siot_…`' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'siot_session',
          description: 'From `POST /api/v1/session`',
        },
        secureSession: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-siot_session',
          description: 'The same behind TLS',
        },
        deviceCredential: {
          type: 'http',
          scheme: 'bearer',
          description: 'A device key, a role secret, or a token that is still valid',
        },
        metricsToken: { type: 'http', scheme: 'bearer', description: '`METRICS_TOKEN`' },
        deviceToken: { type: 'http', scheme: 'bearer', description: "A device's token" },
      },
    },
  },
};

export type ApiDocument = Awaited<ReturnType<typeof generateSpecs>>;

/** The OpenAPI 3.1 document of all routes that `app` describes, generated when it is first asked for. */
export function apiDocument(app: Hono<AppEnv>): () => Promise<ApiDocument> {
  let document: Promise<ApiDocument> | undefined;
  return () => {
    document ??= generateSpecs(app, options).then(completeDocument);
    return document;
  };
}
