import { z } from 'zod';
import type { ApiDocument } from './openapi.ts';

const operation = z.object({ summary: z.string(), description: z.string().optional() });

/** A page for language models (llmstxt.org): what the server is, how to authenticate, and every operation in a line. */
export function llmsText(document: ApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, described]) => {
      const parsed = operation.safeParse(described);
      return parsed.success ? [`- \`${method.toUpperCase()} ${path}\`: ${parsed.data.summary}`] : [];
    }),
  );
  return `# Simple IoT Server

> Registers devices, issues their MQTT tokens, and lets operators manage them over HTTP.

Requests under /api/v1 carry \`Authorization: Bearer siot_…\`, an API key of the role admin or viewer; a viewer reads
everything and changes nothing. Bodies are JSON. Lists take \`limit\` and \`cursor\` and answer \`{"items": […], "next": cursor or
null}\`. Resources with an \`ETag\` honour \`If-Match\` on changes. Failures are problem details (RFC 9457): \`type\` is a path such as
/problems/not-found, which explains it.

## Documents

- [OpenAPI 3.1](/api/v1/openapi.json): every operation with its schemas
- [Interactive documentation](/docs): the same for people
- [Problems](/problems): kinds of failure

## Operations

${operations.join('\n')}
`;
}
