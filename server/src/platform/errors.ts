import type { Reason } from '../../contract/reasons.ts';

/**
 * Every reason for which a request can fail. Domain code knows nothing of HTTP: `http/device-answer.ts` and
 * `http/problem-answer.ts` map a reason to what their clients are answered.
 */
export type ErrorCode =
  | Reason
  | 'validation_failed'
  | 'forbidden'
  | 'precondition_failed'
  | 'payload_too_large'
  | 'unsupported_media_type';

/** One faulty value of a request. */
export interface FieldFault {
  /** JSON Pointer into the body, or the name of the parameter. */
  readonly field: string;
  readonly message: string;
}

interface AppErrorOptions {
  readonly cause?: unknown;
  /** Seconds after which trying again makes sense; spread at random before it is sent. */
  readonly retryAfterSeconds?: number;
  readonly faults?: readonly FieldFault[];
}

/** An expected failure whose message may be shown to anyone. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly faults: readonly FieldFault[] | undefined;

  constructor(code: ErrorCode, publicMessage: string, options: AppErrorOptions = {}) {
    super(publicMessage, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.faults = options.faults;
  }
}

/** The `code` of a Node, PostgreSQL or fetch error, searched through its causes. */
export function errorCode(error: unknown): string | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return undefined;
}
