import type { Context } from 'hono';
import type { ProblemDetails } from '../../contract/api/problem.ts';
import { spread } from '../platform/backoff.ts';
import type { AppError, ErrorCode } from '../platform/errors.ts';
import type { Random } from '../platform/random.ts';
import { type ProblemKind, problemKinds } from './problem.ts';

const kindOfCode: Readonly<Record<ErrorCode, ProblemKind>> = {
  bad_request: 'bad-request',
  validation_failed: 'validation-failed',
  no_credential: 'unauthenticated',
  bad_credential: 'unauthenticated',
  expired: 'unauthenticated',
  superseded: 'unauthenticated',
  forbidden: 'forbidden',
  revoked: 'forbidden',
  wrong_device: 'forbidden',
  wrong_role: 'forbidden',
  pending: 'forbidden',
  unknown_device: 'forbidden',
  not_found: 'not-found',
  bad_method: 'method-not-allowed',
  conflict: 'conflict',
  precondition_failed: 'precondition-failed',
  payload_too_large: 'payload-too-large',
  unsupported_media_type: 'unsupported-media-type',
  rate_limited: 'rate-limited',
  internal: 'internal',
  unavailable: 'unavailable',
};

const RETRY_AFTER_SECONDS: Partial<Record<ErrorCode, number>> = { rate_limited: 60, unavailable: 10 };

/** The parts of problem details that describe a failure rather than a request. */
export function problemOf(error: AppError): Pick<ProblemDetails, 'type' | 'title' | 'detail'> {
  const kind = kindOfCode[error.code];
  return { type: `/problems/${kind}`, title: problemKinds[kind].title, detail: error.message };
}

/** Answers a failure as problem details (RFC 9457). */
export function problemAnswer(c: Context, error: AppError, random: Random): Response {
  const { status } = problemKinds[kindOfCode[error.code]];
  const retryAfter = error.retryAfterSeconds ?? RETRY_AFTER_SECONDS[error.code];
  if (retryAfter !== undefined) c.header('Retry-After', String(spread(Math.max(1, retryAfter), random)));
  if (status === 401) c.header('WWW-Authenticate', 'Bearer');
  c.header('Cache-Control', 'no-store');
  const body: ProblemDetails = {
    ...problemOf(error),
    status,
    instance: c.get('requestId'),
    ...(error.faults === undefined
      ? {}
      : { errors: error.faults.map(({ field, message }) => ({ field, message })) }),
  };
  return c.body(JSON.stringify(body), status, { 'Content-Type': 'application/problem+json' });
}
