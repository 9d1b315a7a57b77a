import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from 'zod';

/** Every kind of failure of `/api/v1`, with its status and title. A kind, once published, keeps its name and meaning. */
export const problemKinds = {
  'bad-request': { status: 400, title: 'The request is malformed' },
  'validation-failed': { status: 422, title: 'The request has values that are not accepted' },
  unauthenticated: { status: 401, title: 'Credentials are missing or not valid' },
  forbidden: { status: 403, title: 'The credentials do not allow this' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  conflict: { status: 409, title: 'The state of the thing does not allow this' },
  'precondition-failed': { status: 412, title: 'The thing has changed meanwhile' },
  'payload-too-large': { status: 413, title: 'The request body is too large' },
  'unsupported-media-type': { status: 415, title: 'The request body is of another media type than expected' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Internal error' },
  unavailable: { status: 503, title: 'The server cannot do this now' },
} as const satisfies Record<string, { status: ContentfulStatusCode; title: string }>;

export type ProblemKind = keyof typeof problemKinds;

/** One faulty value of a request. */
export interface FieldFault {
  /** JSON Pointer into the body, or the name of the parameter. */
  readonly field: string;
  readonly message: string;
}

interface ProblemOptions {
  readonly cause?: unknown;
  readonly errors?: readonly FieldFault[];
  readonly retryAfterSeconds?: number;
}

/** A failure of `/api/v1`, answered as problem details (RFC 9457). Its detail may be shown to anyone who sees the answer. */
export class Problem extends Error {
  readonly kind: ProblemKind;
  readonly errors: readonly FieldFault[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(kind: ProblemKind, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Problem';
    this.kind = kind;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The body of a failed request, media type `application/problem+json`. */
export const problemDetails = z.object({
  type: z.string().describe('A URI reference that names the kind of failure, such as /problems/not-found'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string().describe('The id of the request, as in the log'),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});
