import type { Reason } from '../../contract/reasons.ts';

/** Every reason for which a request can fail; `http/` maps it to a status. Domain code knows nothing of HTTP. */
export type ErrorCode = Reason;

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
