import type { ContentfulStatusCode } from 'hono/utils/http-status';

interface ProblemKindRow {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  /** What it means and what to do about it, for the page at `/problems/<kind>`. */
  readonly meaning: string;
}

/** Every kind of failure of `/api/v1`. A kind, once published, keeps its name and meaning. */
export const problemKinds = {
  'bad-request': {
    status: 400,
    title: 'The request is malformed',
    meaning:
      'The body is not JSON, or a parameter of the path or query is not what the route takes; "errors" names it.',
  },
  'validation-failed': {
    status: 422,
    title: 'The request has values that are not accepted',
    meaning: 'The body is JSON, but not what the route takes. "errors" points at each faulty value.',
  },
  unauthenticated: {
    status: 401,
    title: 'Credentials are missing or not valid',
    meaning:
      'Send an API key as "Authorization: Bearer siot_…", or log in by POST /api/v1/session. A session ends when it is not used for a while, an API key at its expiry.',
  },
  forbidden: {
    status: 403,
    title: 'The credentials do not allow this',
    meaning: 'Changes take the role admin; a request by cookie has to come from a page of the server itself.',
  },
  'not-found': {
    status: 404,
    title: 'There is no such thing',
    meaning: 'The path names nothing, or what it named has been removed.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The method is not allowed here',
    meaning: 'The path exists, but not with this method. The header Allow lists those it has.',
  },
  conflict: {
    status: 409,
    title: 'The state of the thing does not allow this',
    meaning: 'Something else stands against the change; "detail" says what. The same request may work later.',
  },
  'precondition-failed': {
    status: 412,
    title: 'The thing has changed meanwhile',
    meaning: 'The entity tag in If-Match is not the current one. Read the thing again and repeat the change.',
  },
  'payload-too-large': {
    status: 413,
    title: 'The request body is too large',
    meaning: 'Send less at once.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The request body is of another media type than expected',
    meaning: 'Name the type of the body in Content-Type: application/json, unless the route says otherwise.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    meaning: 'Wait as many seconds as Retry-After says.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    meaning: 'A fault of the server. Its log has the details under the id in "instance".',
  },
  unavailable: {
    status: 503,
    title: 'The server cannot do this now',
    meaning: 'The server starts, or its database is not reachable. Wait as many seconds as Retry-After says.',
  },
} as const satisfies Record<string, ProblemKindRow>;

export type ProblemKind = keyof typeof problemKinds;

/** One faulty value of a request. */
export interface FieldFault {
  /** JSON Pointer into the body, or the name of the parameter. */
  readonly field: string;
  readonly message: string;
}

interface ProblemOptions {
  readonly cause?: unknown;
  readonly errors?: readonly FieldFault[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
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
