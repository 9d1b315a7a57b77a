/**
 * Every reason for which a request can fail. Device routes answer it as `r` (docs/protocol.md, section 2); domain code
 * knows nothing of HTTP, so the table that maps a reason to a status lives in `http.ts`.
 */
export type ErrorCode =
  | 'bad_request'
  | 'no_credential'
  | 'bad_credential'
  | 'expired'
  | 'superseded'
  | 'revoked'
  | 'wrong_device'
  | 'wrong_role'
  | 'pending'
  | 'unknown_device'
  | 'not_found'
  | 'bad_method'
  | 'conflict'
  | 'rate_limited'
  | 'internal'
  | 'unavailable';

interface AppErrorOptions {
  readonly cause?: unknown;
  /** Seconds after which trying again makes sense; spread at random before it is sent. */
  readonly retryAfterSeconds?: number;
}

/** An expected failure whose message may be shown to anyone. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, publicMessage: string, options: AppErrorOptions = {}) {
    super(publicMessage, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The `code` of a Node, PostgreSQL or fetch error, searched through its causes. */
export function errorCode(error: unknown): string | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return undefined;
}
