import { describeRoute, resolver } from 'hono-openapi';
import type { z } from 'zod';
import { problemDetails } from '../../contract/api/problem.ts';
import { type ProblemKind, problemKinds } from './problem.ts';

interface OperationOptions {
  /** Unique in the document; the name of the function in generated clients. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** The body of success, as JSON; without one the answer has no body. */
  readonly answer?: z.ZodType;
  /** Media type of `answer`, where it is not JSON. */
  readonly answerType?: string;
  /** Media types of the body that the operation takes, where it is not JSON and so not validated by a schema. */
  readonly bodyType?: string | readonly string[];
  /** Status of success: 200, or 204 without a body, unless given. */
  readonly status?: number;
  /** Kinds of failure beside those every route has. */
  readonly problems?: readonly ProblemKind[];
  /** Whether it takes no credentials. */
  readonly open?: boolean;
  /** Whether it requires the admin role. */
  readonly admin?: boolean;
  /** Whether it honours If-Match. */
  readonly ifMatch?: boolean;
}

/** Describes an operation of `/api/v1` for the OpenAPI document. It says what the handler does, no more. */
export function describeOperation(options: OperationOptions) {
  const { answer } = options;
  const status = options.status ?? (answer ? 200 : 204);
  const kinds = new Set<ProblemKind>([
    // An unknown parameter is one.
    ...(options.open ? [] : (['bad-request', 'unauthenticated'] as const)),
    ...(options.admin ? (['forbidden'] as const) : []),
    ...(options.problems ?? []),
    ...(options.ifMatch ? (['precondition-failed'] as const) : []),
    'rate-limited',
    'unavailable',
  ]);
  return describeRoute({
    operationId: options.id,
    tags: [options.tag],
    summary: options.summary,
    description: [options.description, options.admin ? 'Requires the `admin` role.' : undefined]
      .filter(Boolean)
      .join('\n\n'),
    ...(options.open ? { security: [] } : {}),
    ...(options.ifMatch ? { parameters: [ifMatchParameter] } : {}),
    ...(options.bodyType === undefined
      ? {}
      : { requestBody: { required: true, content: textContent([options.bodyType].flat()) } }),
    responses: {
      [status]: {
        description: 'Success',
        ...(answer
          ? { content: { [options.answerType ?? 'application/json']: { schema: resolver(answer) } } }
          : {}),
      },
      ...Object.fromEntries(problemResponses([...kinds])),
    },
  });
}

function textContent(types: readonly string[]) {
  return Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' as const } }]));
}

const ifMatchParameter = {
  in: 'header' as const,
  name: 'If-Match',
  description: 'The entity tag that was read; the change is refused when it is no longer current.',
  schema: { type: 'string' as const },
};

function problemResponses(kinds: readonly ProblemKind[]) {
  const statuses = [...new Set(kinds.map((kind) => problemKinds[kind].status))];
  return statuses.map((status) => {
    const ofStatus = kinds.filter((kind) => problemKinds[kind].status === status);
    return [
      String(status),
      {
        description: ofStatus
          .map((kind) => `\`/problems/${kind}\`: ${problemKinds[kind].title}`)
          .join('\n\n'),
        content: { 'application/problem+json': { schema: resolver(problemDetails) } },
      },
    ] as const;
  });
}
