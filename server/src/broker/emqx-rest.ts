import type { z } from 'zod';
import { type BackoffLimits, backoffDelay } from '../platform/backoff.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import { failure } from './emqx-answers.ts';

/**
 * Why a call of the broker's REST API failed: not reached or too slow; key not accepted; refused with a reason; answered
 * with something that is not its API.
 */
export type EmqxErrorKind = 'unreachable' | 'unauthorized' | 'refused' | 'unexpected';

export class EmqxError extends Error {
  readonly kind: EmqxErrorKind;
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** EMQX's own code, such as `NOT_FOUND` or `ALREADY_EXISTS`. */
  readonly code: string | undefined;

  constructor(
    kind: EmqxErrorKind,
    message: string,
    details: { status?: number; code?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'EmqxError';
    this.kind = kind;
    this.status = details.status;
    this.code = details.code;
  }
}

export interface EmqxOptions {
  /** Base of the REST API, `http://host:18083/api/v5`. */
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch?: typeof fetch;
  /** Ends calls under way, and retries, when the server stops. */
  readonly signal?: AbortSignal;
  /** Time limit of one attempt, in milliseconds. */
  readonly timeoutMs?: number;
}

const RETRIES = 2;
const RETRY: BackoffLimits = { firstMs: 200, capMs: 1_000 };
const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

interface Call {
  readonly body?: unknown;
  /** A body that is not JSON. */
  readonly text?: string;
  /** Statuses besides 2xx that the caller understands. */
  readonly accept?: readonly number[];
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** The transport below `createEmqx`: HTTP Basic, time limits, bounded retries with jitter, checked answers. */
export function createRest(options: EmqxOptions) {
  const send = options.fetch ?? fetch;
  const authorization = `Basic ${Buffer.from(`${options.apiKey}:${options.apiSecret}`).toString('base64')}`;

  const stopping = options.signal ?? new AbortController().signal;

  async function attempt(method: string, path: string, call: Call): Promise<Answer> {
    let response: Response;
    let text: string;
    try {
      response = await send(`${options.apiUrl}${path}`, {
        method,
        headers: {
          authorization,
          accept: 'application/json',
          ...(call.text === undefined ? {} : { 'content-type': 'text/plain' }),
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(call.text === undefined ? {} : { body: call.text }),
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        redirect: 'error',
        signal: AbortSignal.any([AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS), stopping]),
      });
      text = await response.text();
    } catch (cause) {
      throw new EmqxError('unreachable', 'The broker REST API is unreachable.', { cause });
    }
    if (text.length > MAX_ANSWER_BYTES)
      throw new EmqxError('unexpected', 'The answer of the broker REST API is too large.');
    const body = parseJson(text);
    const { status } = response;
    if ((status >= 200 && status < 300) || call.accept?.includes(status)) return { status, body };
    const { code, message } = failure.safeParse(body).data ?? {};
    const details = { status, code };
    if (status === 401 || status === 403) {
      throw new EmqxError(
        'unauthorized',
        `The broker rejected the API key (${code ?? status}): check EMQX_API_KEY and MQTT_SECRET_KEY.`,
        details,
      );
    }
    if (status >= 500 || status === 429) {
      throw new EmqxError('unreachable', `The broker REST API answered ${status}.`, details);
    }
    throw new EmqxError(
      'refused',
      `The broker refused ${method} ${path}: ${message ?? code ?? status}`,
      details,
    );
  }

  /** Every call the server makes is idempotent or answers a repetition recognisably, so each may be tried again. */
  async function call(method: string, path: string, options_: Call = {}): Promise<Answer> {
    for (let retry = 0; ; retry++) {
      try {
        return await attempt(method, path, options_);
      } catch (error) {
        if (!(error instanceof EmqxError) || error.kind !== 'unreachable') throw error;
        if (retry >= RETRIES || stopping.aborted) throw error;
        await sleep(options.clock, backoffDelay(retry, RETRY, options.random), stopping);
      }
    }
  }

  async function read<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const { body } = await call('GET', path);
    return parse(path, schema, body);
  }

  async function readOrAbsent<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const { status, body } = await call('GET', path, { accept: [404] });
    return status === 404 ? undefined : parse(path, schema, body);
  }

  return { call, read, readOrAbsent };
}

function parse<T>(path: string, schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new EmqxError(
    'unexpected',
    `The broker answered GET ${path} with something else than expected: ${issue?.path.join('.')} ${issue?.message}`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
