import type { Context, Env, Hono, MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { FailureClass, Reason } from '../../contract/reasons.ts';
import { spread } from '../platform/backoff.ts';
import type { Clock } from '../platform/clock.ts';
import { AppError, type ErrorCode } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { clientIp } from './client-ip.ts';

/** What every handler finds in its context. */
export interface AppEnv extends Env {
  Variables: {
    requestId: string;
    /** Address of the client as seen at the trusted hop. */
    ip: string;
    /** Why the request failed, where it did. */
    failure?: ErrorCode;
  };
}

interface DeviceAnswerRow {
  readonly c: FailureClass;
  readonly status: ContentfulStatusCode;
  /** Seconds for `Retry-After` where the failure names none of its own. */
  readonly retryAfterSeconds?: number;
}

/** The table of docs/protocol.md, section 2. */
export const deviceAnswers: Readonly<Record<Reason, DeviceAnswerRow>> = {
  no_credential: { c: 'FORBIDDEN', status: 401 },
  bad_credential: { c: 'FORBIDDEN', status: 401 },
  expired: { c: 'FORBIDDEN', status: 401 },
  superseded: { c: 'FORBIDDEN', status: 401 },
  revoked: { c: 'FORBIDDEN', status: 403 },
  wrong_device: { c: 'FORBIDDEN', status: 403 },
  wrong_role: { c: 'FORBIDDEN', status: 403 },
  pending: { c: 'NOT_REGISTERED', status: 403, retryAfterSeconds: 60 },
  unknown_device: { c: 'NOT_REGISTERED', status: 403, retryAfterSeconds: 300 },
  bad_request: { c: 'ERROR', status: 400 },
  not_found: { c: 'ERROR', status: 404 },
  bad_method: { c: 'ERROR', status: 405 },
  conflict: { c: 'ERROR', status: 409 },
  rate_limited: { c: 'ERROR', status: 429, retryAfterSeconds: 60 },
  internal: { c: 'ERROR', status: 500 },
  unavailable: { c: 'ERROR', status: 503, retryAfterSeconds: 10 },
};

/** What devices are told where the failure is one of `/api/v1`: their list of reasons is closed. */
const reasonOf: Readonly<Record<Exclude<ErrorCode, Reason>, Reason>> = {
  validation_failed: 'bad_request',
  forbidden: 'wrong_role',
  precondition_failed: 'conflict',
  payload_too_large: 'bad_request',
  unsupported_media_type: 'bad_request',
};

interface HttpDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly trustProxyHops: number;
}

/** Names the request, finds its client, and writes its one log line. The query string is never logged. */
export function requestContext(deps: HttpDeps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const startedAt = deps.clock.now();
    const requestId = Buffer.from(deps.random.bytes(9)).toString('base64url');
    c.set('requestId', requestId);
    c.set('ip', clientIp(c, deps.trustProxyHops));
    await next();
    c.res.headers.set('X-Request-Id', requestId);
    c.res.headers.set('X-Content-Type-Options', 'nosniff');
    // Probes come every few seconds and say the same.
    deps.log[c.req.path.startsWith('/health/') ? 'debug' : 'info'](
      {
        requestId,
        method: c.req.method,
        path: c.req.path,
        status: c.res.status,
        ms: deps.clock.now() - startedAt,
        ip: c.get('ip'),
      },
      'request',
    );
  };
}

/** Answers a failure in the compact form of the device API. */
export function deviceErrorAnswer(c: Context, error: AppError, random: Random): Response {
  const reason = isReason(error.code) ? error.code : reasonOf[error.code];
  const row = deviceAnswers[reason];
  const retryAfter = error.retryAfterSeconds ?? row.retryAfterSeconds;
  if (retryAfter !== undefined) c.header('Retry-After', String(spread(Math.max(1, retryAfter), random)));
  if (row.status === 401) c.header('WWW-Authenticate', 'Bearer');
  c.header('Cache-Control', 'no-store');
  return c.json({ c: row.c, r: reason, m: error.message }, row.status);
}

function isReason(code: ErrorCode): code is Reason {
  return code in deviceAnswers;
}

/** The credential behind `Authorization: Bearer`. An absent or empty one is `no_credential`. */
export function bearerCredential(c: Context): string {
  const header = c.req.header('authorization');
  if (!header || /^bearer[ \t]*$/i.test(header)) {
    throw new AppError('no_credential', 'Send a credential as "Authorization: Bearer <credential>".');
  }
  // Not \s: a byte of a UTF-8 character may be a Latin-1 blank.
  const credential = /^bearer +([^ \t]+)$/i.exec(header)?.[1];
  if (credential === undefined || credential.length > MAX_CREDENTIAL_CHARACTERS) {
    throw new AppError('bad_credential', 'The Authorization header does not hold a bearer credential.');
  }
  return credential;
}

const MAX_CREDENTIAL_CHARACTERS = 1_024;

/** Answers every other method of a path than those in `allowed` (as in `Allow`) with `bad_method`. Call it behind the routes. */
export function allowOnly<E extends AppEnv>(app: Hono<E>, path: string, allowed: string): void {
  app.all(path, (c) => {
    c.header('Allow', allowed);
    throw new AppError('bad_method', `Use ${allowed}, not ${c.req.method.slice(0, 16)}.`);
  });
}
