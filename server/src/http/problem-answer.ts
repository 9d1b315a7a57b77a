import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ProblemDetails } from '../../contract/api/problem.ts';
import { spread } from '../platform/backoff.ts';
import type { AppError, ErrorCode } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { toAppError } from './device-answer.ts';
import { Problem, type ProblemKind, problemKinds } from './problem.ts';

const kindOfCode: Readonly<Record<ErrorCode, ProblemKind>> = {
  bad_request: 'bad-request',
  no_credential: 'unauthenticated',
  bad_credential: 'unauthenticated',
  expired: 'unauthenticated',
  superseded: 'unauthenticated',
  revoked: 'forbidden',
  wrong_device: 'forbidden',
  wrong_role: 'forbidden',
  pending: 'forbidden',
  unknown_device: 'forbidden',
  not_found: 'not-found',
  bad_method: 'method-not-allowed',
  conflict: 'conflict',
  rate_limited: 'rate-limited',
  internal: 'internal',
  unavailable: 'unavailable',
};

/** What Hono's own middleware throws. */
const kindOfStatus: Readonly<Record<number, ProblemKind>> = {
  400: 'bad-request',
  401: 'unauthenticated',
  403: 'forbidden',
  413: 'payload-too-large',
};

/** Turns whatever was thrown into a problem; what nobody expected is logged and becomes `internal`. */
export function toProblem(thrown: unknown, log: Logger, requestId: string): Problem {
  if (thrown instanceof Problem) return thrown;
  const kind = thrown instanceof HTTPException ? kindOfStatus[thrown.status] : undefined;
  if (thrown instanceof HTTPException && kind !== undefined) {
    return new Problem(kind, thrown.message || `${problemKinds[kind].title}.`, { cause: thrown });
  }
  const error: AppError = toAppError(thrown, log, requestId);
  return new Problem(kindOfCode[error.code], error.message, {
    cause: error,
    retryAfterSeconds: error.retryAfterSeconds,
  });
}

const RETRY_AFTER_SECONDS: Partial<Record<ProblemKind, number>> = { 'rate-limited': 60, unavailable: 10 };

/** Answers a failure as problem details (RFC 9457). */
export function problemAnswer(c: Context, problem: Problem, random: Random): Response {
  const { status, title } = problemKinds[problem.kind];
  const retryAfter = problem.retryAfterSeconds ?? RETRY_AFTER_SECONDS[problem.kind];
  if (retryAfter !== undefined) c.header('Retry-After', String(spread(Math.max(1, retryAfter), random)));
  if (status === 401) c.header('WWW-Authenticate', 'Bearer');
  c.header('Cache-Control', 'no-store');
  const body: ProblemDetails = {
    type: `/problems/${problem.kind}`,
    title,
    status,
    detail: problem.message,
    instance: c.get('requestId'),
    ...(problem.errors === undefined
      ? {}
      : { errors: problem.errors.map(({ field, message }) => ({ field, message })) }),
  };
  return c.body(JSON.stringify(body), status, { 'Content-Type': 'application/problem+json' });
}
