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
    title: 'Malformed request',
    meaning: 'The body is not JSON, or a path or query parameter is invalid; "errors" names it.',
  },
  'validation-failed': {
    status: 422,
    title: 'Validation failed',
    meaning: 'The body is JSON, but has missing, unknown or invalid values. "errors" points at each of them.',
  },
  unauthenticated: {
    status: 401,
    title: 'Missing or invalid credentials',
    meaning:
      'Send an API key as "Authorization: Bearer siot_…", or log in by POST /api/v1/session. A session expires when it is idle, an API key on its expiry date.',
  },
  forbidden: {
    status: 403,
    title: 'Forbidden',
    meaning:
      'Changes require the admin role; a request authenticated by a cookie must come from a page of this server.',
  },
  'not-found': {
    status: 404,
    title: 'Not found',
    meaning: 'The path does not exist, or the resource has been deleted.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path does not support this method. The Allow header lists those it does.',
  },
  conflict: {
    status: 409,
    title: 'Conflict with the current state',
    meaning:
      'The current state does not allow the change; "detail" says why. The same request may succeed later.',
  },
  'precondition-failed': {
    status: 412,
    title: 'Precondition failed',
    meaning:
      'The resource has changed: the entity tag in If-Match is not the current one. Read it again and repeat the change.',
  },
  'payload-too-large': {
    status: 413,
    title: 'Request body too large',
    meaning: 'Send a smaller body; "detail" has the limit.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'Set Content-Type to the type of the body: application/json, unless the route says otherwise.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    meaning: 'Wait for the number of seconds in Retry-After.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    meaning: 'An error in the server. Its log has the details under the request id in "instance".',
  },
  unavailable: {
    status: 503,
    title: 'Service unavailable',
    meaning:
      'The server is starting, cannot reach its database, or has waited too long for it: "detail" says which. Wait for the number of seconds in Retry-After, and where the query took too long, ask for less.',
  },
} as const satisfies Record<string, ProblemKindRow>;

export type ProblemKind = keyof typeof problemKinds;
