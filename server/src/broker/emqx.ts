import { z } from 'zod';
import { type BackoffLimits, backoffDelay } from '../platform/backoff.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import type { Authenticator, AuthorizationSettings, Rule } from './desired-state.ts';
import * as answers from './emqx-answers.ts';

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
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

interface Call {
  readonly body?: unknown;
  /** Statuses besides 2xx that the caller understands. */
  readonly accept?: readonly number[];
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export type Emqx = ReturnType<typeof createEmqx>;

/** EMQX's REST API (`/api/v5`, HTTP Basic with an API key), just the calls that the server makes. Each throws EmqxError. */
export function createEmqx(options: EmqxOptions) {
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
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        redirect: 'error',
        signal: AbortSignal.any([AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS), stopping]),
      });
      text = await response.text();
    } catch (cause) {
      throw new EmqxError('unreachable', 'The REST API of the broker cannot be reached.', { cause });
    }
    if (text.length > MAX_ANSWER_BYTES)
      throw new EmqxError('unexpected', 'The answer of the broker is too large.');
    const body = parseJson(text);
    const { status } = response;
    if ((status >= 200 && status < 300) || call.accept?.includes(status)) return { status, body };
    const { code, message } = answers.failure.safeParse(body).data ?? {};
    const details = { status, code };
    if (status === 401 || status === 403) {
      throw new EmqxError(
        'unauthorized',
        `The broker does not accept the API key (${code ?? status}).`,
        details,
      );
    }
    if (status >= 500 || status === 429) {
      throw new EmqxError('unreachable', `The REST API of the broker answers ${status}.`, details);
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

  return {
    /** Version and state of every node. */
    nodes: () => read('/nodes', z.array(answers.node)),

    authenticators: () => read('/authentication', z.array(answers.authenticator)),
    async createAuthenticator(authenticator: Authenticator): Promise<void> {
      await call('POST', '/authentication', { body: authenticator, accept: [409] });
    },
    /** Replaces an authenticator. The only way to be sure of its secret, which the API never shows. */
    async replaceAuthenticator(id: string, authenticator: Authenticator): Promise<void> {
      await call('PUT', `/authentication/${encodeURIComponent(id)}`, { body: authenticator });
    },
    async moveAuthenticatorToFront(id: string): Promise<void> {
      await call('PUT', `/authentication/${encodeURIComponent(id)}/position/front`);
    },

    authorizationSettings: () => read('/authorization/settings', answers.authorizationSettings),
    async setAuthorizationSettings(settings: AuthorizationSettings): Promise<void> {
      await call('PUT', '/authorization/settings', { body: settings });
    },
    async sources() {
      return (await read('/authorization/sources', z.object({ sources: z.array(answers.source) }))).sources;
    },
    async createSource(source: Record<string, unknown>): Promise<void> {
      await call('POST', '/authorization/sources', { body: source });
    },
    async replaceSource(type: string, source: Record<string, unknown>): Promise<void> {
      await call('PUT', `/authorization/sources/${encodeURIComponent(type)}`, { body: source });
    },
    async moveSourceToFront(type: string): Promise<void> {
      await call('POST', `/authorization/sources/${encodeURIComponent(type)}/move`, {
        body: { position: 'front' },
      });
    },

    /** The rules for all clients; nothing where the built-in database does not exist yet. */
    async rulesForAll(): Promise<Rule[] | undefined> {
      const answer = await readOrAbsent(`${BUILT_IN}/rules/all`, z.object({ rules: z.array(answers.rule) }));
      return answer?.rules;
    },
    async replaceRulesForAll(rules: readonly Rule[]): Promise<void> {
      await call('POST', `${BUILT_IN}/rules/all`, { body: { rules } });
    },
  };
}

const BUILT_IN = '/authorization/sources/built_in_database';

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
