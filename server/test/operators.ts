import { z } from 'zod';
import { problemDetails } from '../contract/api/problem.ts';
import type { Stack } from './harness.ts';

export const ADMIN = { username: 'admin', password: 'correct horse battery staple' } as const;
export const ADMIN_ENV = { ADMIN_USERNAME: ADMIN.username, ADMIN_PASSWORD: ADMIN.password } as const;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  readonly text: string;
}

/** A browser with its cookies, on a page of the server's own unless headers say otherwise. */
export interface Browser {
  readonly cookies: Map<string, string>;
  /** The attributes of each cookie as it was last set. */
  readonly attributes: Map<string, string>;
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
}

export function openBrowser(stack: Stack, always: Readonly<Record<string, string>> = {}): Browser {
  const cookies = new Map<string, string>();
  const attributes = new Map<string, string>();
  return {
    cookies,
    attributes,
    async call(method, path, body, headers = {}) {
      const answer = await call(stack, method, path, body, {
        'sec-fetch-site': 'same-origin',
        ...(cookies.size > 0 ? { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') } : {}),
        ...always,
        ...headers,
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = '', rest = ''] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [];
        attributes.set(name, rest);
        if (/max-age=0(;|$)/i.test(rest)) cookies.delete(name);
        else cookies.set(name, value);
      }
      return answer;
    },
  };
}

/** One request to `/api/v1`, JSON unless the body is text already. */
export async function call(
  stack: Stack,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${stack.url}/api/v1${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : undefined,
    text,
  };
}

/** A browser in which an operator is logged in. */
export async function logIn(
  stack: Stack,
  account: { readonly username: string; readonly password: string } = ADMIN,
  always: Readonly<Record<string, string>> = {},
): Promise<Browser> {
  const browser = openBrowser(stack, always);
  const answer = await browser.call('POST', '/session', {
    username: account.username,
    password: account.password,
  });
  if (answer.status !== 201) throw new Error(`not logged in: ${answer.text}`);
  return browser;
}

/** The problem details of a failed answer, checked against the form of all of them. */
export function problemOf(answer: Answer): z.output<typeof problemDetails> {
  const problem = problemDetails.parse(answer.body);
  if (answer.headers.get('content-type') !== 'application/problem+json') throw new Error('not a problem');
  if (problem.status !== answer.status) throw new Error('status and body differ');
  return problem;
}

/** Adds an operator by the API, as `admin`. */
export async function addOperator(
  admin: Browser,
  username: string,
  role: 'admin' | 'viewer',
): Promise<{ readonly id: string; readonly username: string; readonly password: string }> {
  const password = `password of ${username}`;
  const answer = await admin.call('POST', '/operators', { username, password, role });
  if (answer.status !== 201) throw new Error(`not added: ${answer.text}`);
  const { id } = z.object({ id: z.string() }).parse(answer.body);
  return { id, username, password };
}

/** Creates an API key by the API, as `admin`. */
export async function addApiKey(
  admin: Browser,
  body: { readonly name: string; readonly role: 'admin' | 'viewer'; readonly expiresAt?: string | null },
): Promise<{ readonly id: string; readonly key: string; readonly authorization: string }> {
  const answer = await admin.call('POST', '/api-keys', body);
  if (answer.status !== 201) throw new Error(`not created: ${answer.text}`);
  const { id, key } = z.object({ id: z.string(), key: z.string() }).parse(answer.body);
  return { id, key, authorization: `Bearer ${key}` };
}
