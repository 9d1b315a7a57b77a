import { z } from 'zod';
import {
  type BrokerAddress,
  brokerAddress,
  deviceFailure,
  type TokenAnswer,
  tokenAnswer,
} from '../contract/device-answers.ts';
import type { Reason } from '../contract/reasons.ts';

/** Why a request of a device failed. `foreign_answer`: what answered is no Simple IoT Server, such as a captive portal. */
export interface CallFailure {
  readonly reason: Reason | 'unreachable' | 'foreign_answer';
  readonly status?: number;
  readonly message: string;
  /** From `Retry-After`. */
  readonly retryAfterMs?: number;
}

export type CallResult<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly failure: CallFailure };

const ANSWER_LIMIT_MS = 10_000;

/** `GET /auth/devices/request`; the credential is a role secret, a device key, or the token to be renewed. */
export function requestToken(
  server: string,
  uuid: string,
  credential: string,
): Promise<CallResult<TokenAnswer>> {
  return call(`${server}/auth/devices/request?uuid=${uuid}`, credential, tokenAnswer);
}

/** `GET /mqtt`. */
export function findBroker(server: string, token: string): Promise<CallResult<BrokerAddress>> {
  return call(`${server}/mqtt`, token, brokerAddress);
}

async function call<Answer>(
  url: string,
  credential: string,
  schema: z.ZodType<Answer>,
): Promise<CallResult<Answer>> {
  const { origin } = new URL(url);
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${credential}` },
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    const body = parseJson(await response.text());
    const answer = schema.safeParse(body);
    if (response.ok && answer.success) return { ok: true, answer: answer.data };
    return { ok: false, failure: failureOf(response, body, origin) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, failure: { reason: 'unreachable', message: `${origin} cannot be reached: ${why}` } };
  }
}

function failureOf(response: Response, body: unknown, origin: string): CallFailure {
  const { status } = response;
  const failure = deviceFailure.safeParse(body);
  if (!failure.success) {
    const what = body === undefined ? 'without JSON' : 'with another answer than docs/protocol.md has';
    const message = `${origin} is not a Simple IoT Server: it answered ${status} ${what}`;
    return { reason: 'foreign_answer', status, message };
  }
  const { c, r, m } = failure.data;
  const retryAfter = z.coerce
    .number()
    .min(0)
    .safeParse(response.headers.get('retry-after') ?? undefined);
  return {
    reason: r,
    status,
    message: `refused with ${status} ${c} ${r}: ${m}`,
    ...(retryAfter.success ? { retryAfterMs: retryAfter.data * 1000 } : {}),
  };
}

/** Nothing for what is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
