import { HTTPException } from 'hono/http-exception';
import { databaseError } from '../platform/db/database-error.ts';
import { AppError, type ErrorCode } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';

/** Statuses of the exceptions that Hono's middleware throws. */
const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'bad_request',
  401: 'bad_credential',
  403: 'forbidden',
  413: 'payload_too_large',
};

/** Turns whatever was thrown into an AppError; unexpected errors are logged and become `internal`. */
export function toAppError(thrown: unknown, log: Logger, requestId: string): AppError {
  const code = thrown instanceof HTTPException ? codeOfStatus[thrown.status] : undefined;
  if (thrown instanceof HTTPException && code !== undefined) {
    return new AppError(code, thrown.message || 'The request was refused.', { cause: thrown });
  }
  const error = databaseError(thrown);
  if (error instanceof AppError) {
    if (error.code === 'unavailable') log.warn({ requestId, err: error.cause }, error.message);
    return error;
  }
  if (isAborted(error)) {
    log.debug({ requestId }, 'the client left before its request was complete');
    return new AppError('bad_request', 'The request is incomplete.', { cause: error });
  }
  log.error({ requestId, err: error }, 'request failed');
  return new AppError('internal', 'Internal error.', { cause: error });
}

/** What reading a body rejects with when the connection is closed in the middle of it. */
function isAborted(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
