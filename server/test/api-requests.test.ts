import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type Stack, startStack } from './harness.ts';
import { ADMIN, ADMIN_ENV, addApiKey, type Browser, call, logIn, problemOf } from './operators.ts';

let stack: Stack;
let admin: Browser;
let authorization: string;

beforeAll(async () => {
  stack = await startStack({ broker: false, env: ADMIN_ENV });
  admin = await logIn(stack);
  ({ authorization } = await addApiKey(admin, { name: 'script', role: 'admin' }));
}, 60_000);
afterAll(() => stack.close());

function create(headers: Readonly<Record<string, string>>, body: unknown = {}) {
  return call(stack, 'POST', '/api-keys', body, headers);
}

describe('a failure', () => {
  test('is problem details (RFC 9457) that name the request', async () => {
    const answer = await call(stack, 'GET', '/nothing/here', undefined, { authorization });
    expect(problemOf(answer)).toEqual({
      type: '/problems/not-found',
      title: 'Not found',
      status: 404,
      detail: 'Nothing exists at this path.',
      instance: answer.headers.get('x-request-id') ?? '',
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('of a method names the allowed methods', async () => {
    const answer = await call(stack, 'PUT', '/operators', {}, { authorization });
    expect(problemOf(answer).type).toBe('/problems/method-not-allowed');
    expect(answer.headers.get('allow')?.split(', ').toSorted()).toEqual(['GET', 'HEAD', 'POST']);
  });

  test('points at faulty values with JSON Pointers (RFC 6901)', async () => {
    const answer = await create({ authorization }, { name: 1, role: 'none', 'a/b~c': true });
    const { errors } = problemOf(answer);
    expect(errors?.map(({ field }) => field)).toEqual(expect.arrayContaining(['/name', '/role']));
    expect(errors).toContainEqual({ field: '/a~1b~0c', message: 'unknown property' });
  });

  test('without credentials is the same for existing and unknown paths', async () => {
    const [there, absent] = [await call(stack, 'GET', '/operators'), await call(stack, 'GET', '/nothing')];
    expect({ ...problemOf(absent), instance: '' }).toEqual({ ...problemOf(there), instance: '' });
  });

  test('of the server does not reveal internals', async () => {
    await stack.sql`alter table api_keys rename to api_keys_gone`;
    try {
      const answer = await call(stack, 'GET', '/operators', undefined, { authorization });
      expect(problemOf(answer)).toMatchObject({ type: '/problems/internal', detail: 'Internal error.' });
      expect(answer.text).not.toContain('api_keys');
    } finally {
      await stack.sql`alter table api_keys_gone rename to api_keys`;
    }
  });
});

describe('a body', () => {
  const tooLarge = JSON.stringify({ name: 'x'.repeat(64 * 1024), role: 'viewer' });

  test('of more than 64 KiB is refused, with or without Content-Length', async () => {
    expect(problemOf(await create({ authorization }, tooLarge)).status).toBe(413);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(tooLarge));
        controller.close();
      },
    });
    const chunked = await fetch(`${stack.url}/api/v1/api-keys`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: stream,
    });
    expect(chunked.status).toBe(413);
  });

  test('is checked before credentials only at the login', async () => {
    expect((await create({}, tooLarge)).status).toBe(401);
    expect(problemOf(await admin.call('POST', '/session', tooLarge)).status).toBe(413);
  });

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/xml',
    'multipart/form-data; boundary=x',
  ])('of the type %s is refused', async (type) => {
    const answer = await create({ authorization, 'content-type': type }, '{"name":"a","role":"viewer"}');
    expect(problemOf(answer).type).toBe('/problems/unsupported-media-type');
  });

  test('that is not JSON is malformed', async () => {
    for (const body of ['{', '', 'null,', "{'name':1}"]) {
      expect(problemOf(await create({ authorization }, body)).status).toBeOneOf([400, 422]);
    }
  });
});

describe('values that the database cannot store', () => {
  const cursor = (position: unknown) => Buffer.from(JSON.stringify(position)).toString('base64url');

  test.each([
    '/audit?actor=%00',
    '/audit?action=%00',
    '/audit?subject=%00',
    '/audit?from=0000-01-01T00:00:00Z',
    '/audit?to=9999-12-31T23:59:59-23:00',
    `/audit?cursor=${cursor([9e15, 1])}`,
    `/audit?cursor=${cursor([-1, 1])}`,
    `/audit?cursor=${cursor([1, 1.5])}`,
    `/audit?cursor=${cursor({ length: 2 })}`,
    `/operators?cursor=${cursor(['\u0000'])}`,
    `/api-keys?cursor=${cursor(['\ud800'])}`,
  ])('are refused in %s', async (path) => {
    expect(problemOf(await call(stack, 'GET', path, undefined, { authorization })).status).toBe(400);
  });

  test('are refused in bodies', async () => {
    for (const name of ['a\u0000b', 'a\ud800']) {
      expect(problemOf(await create({ authorization }, { name, role: 'viewer' })).status).toBe(422);
      expect(problemOf(await admin.call('POST', '/session', { username: name, password: 'x' })).status).toBe(
        422,
      );
    }
    const late = { name: 'late', role: 'viewer', expiresAt: '9999-12-31T23:59:59-23:00' };
    expect(problemOf(await create({ authorization }, late)).status).toBe(422);
  });

  test('are accepted in passwords, which are hashed', async () => {
    const account = { username: 'odd', password: 'nul \u0000 and \ud800 too' };
    expect((await admin.call('POST', '/operators', { ...account, role: 'viewer' })).status).toBe(201);
    expect((await call(stack, 'POST', '/session', account)).status).toBe(201);
  });
});

describe('a request authenticated by a cookie', () => {
  const cookieOf = () => [...admin.cookies].map((pair) => pair.join('=')).join('; ');
  const body = { name: 'by cookie', role: 'viewer' };

  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another host of the same site', { 'sec-fetch-site': 'same-site' }],
    ['no page at all', { 'sec-fetch-site': 'none' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['the origin null', { origin: 'null' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
  ])('that changes something is refused from %s', async (_, headers) => {
    for (const [method, path, sent] of [
      ['POST', '/api-keys', body],
      ['DELETE', '/session', undefined],
      ['PUT', '/session/password', {}],
    ] as const) {
      const answer = await call(stack, method, path, sent, { cookie: cookieOf(), ...headers } as Record<
        string,
        string
      >);
      expect(problemOf(answer).type).toBe('/problems/forbidden');
    }
    expect((await admin.call('GET', '/session')).status).toBe(200);
  });

  test('and without a body works from curl, which sends no origin', async () => {
    const other = await logIn(stack);
    const cookie = [...other.cookies].map((pair) => pair.join('=')).join('; ');
    expect((await call(stack, 'DELETE', '/session', undefined, { cookie })).status).toBe(204);
    expect((await other.call('GET', '/session')).status).toBe(401);
  });

  test('with a body of a type that needs no preflight is refused by its type', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await call(stack, 'POST', '/api-keys', JSON.stringify(body), {
        cookie: cookieOf(),
        'content-type': type,
      });
      expect(problemOf(answer).status).toBe(415);
    }
  });

  test.each([
    ['http://iot.example:8080', 'iot.example', 'proxy_set_header Host $http_host'],
    ['https://iot.example', 'iot.example', 'X-Forwarded-Proto'],
  ])('from %s through a proxy that sends Host: %s says which header to set', async (origin, host, advice) => {
    const answer = await call(stack, 'POST', '/session', ADMIN, { origin, host });
    expect(problemOf(answer)).toMatchObject({ status: 403, detail: expect.stringContaining(advice) });
    expect(problemOf(answer).detail).toContain(origin);
  });

  test('that is refused says what to send', async () => {
    const answer = await call(stack, 'POST', '/api-keys', body, {
      cookie: cookieOf(),
      origin: 'http://a.example',
    });
    expect(problemOf(answer).detail).toContain(`Origin: ${stack.url}`);
    const fetched = await call(stack, 'POST', '/api-keys', body, {
      cookie: cookieOf(),
      'sec-fetch-site': 'cross-site',
    });
    expect(problemOf(fetched).detail).toContain('Authorization: Bearer');
  });

  test('is accepted from pages of the server', async () => {
    for (const [at, headers] of [{ 'sec-fetch-site': 'same-origin' }, { origin: stack.url }].entries()) {
      const answer = await create({ cookie: cookieOf(), ...headers } as Record<string, string>, {
        ...body,
        name: `by cookie ${at}`,
      });
      expect(answer.status).toBe(201);
    }
  });

  test('a login of another type than JSON is 415', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      const answer = await call(stack, 'POST', '/session', 'username=a&password=b', { 'content-type': type });
      expect(problemOf(answer).status).toBe(415);
    }
  });

  test('a cross-site login is refused too', async () => {
    const answer = await call(stack, 'POST', '/session', {}, { 'sec-fetch-site': 'cross-site' });
    expect(problemOf(answer).status).toBe(403);
  });

  test('a script with an API key needs no origin', async () => {
    const answer = await create(
      { authorization, origin: 'https://elsewhere.example' },
      { ...body, name: 'script 2' },
    );
    expect(answer.status).toBe(201);
  });
});

describe('headers', () => {
  test('CORS stays closed: no answer, preflights included, names another origin', async () => {
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await call(stack, method, '/session', undefined, {
        cookie: [...admin.cookies].map((pair) => pair.join('=')).join('; '),
        origin: 'https://evil.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      });
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  test.each([
    ['/api/v1/session', "default-src 'none'; frame-ancestors 'none'"],
    ['/api/v1/openapi.json', "default-src 'none'; frame-ancestors 'none'"],
    ['/llms.txt', "default-src 'none'; frame-ancestors 'none'"],
    ['/problems', "script-src 'self'"],
    ['/docs', "script-src 'self'"],
  ])('%s has its policy and what else browsers heed', async (path, policy) => {
    const { headers } = await fetch(`${stack.url}${path}`);
    expect(headers.get('content-security-policy')).toContain(policy);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('strict-transport-security')).toBe('max-age=15552000');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });

  test('answers to devices have none of them and stay small', async () => {
    const { headers } = await fetch(`${stack.url}/mqtt`);
    expect(headers.has('content-security-policy')).toBe(false);
  });
});

test('while the server starts, the API answers 503 as problem details', async () => {
  const starting = await startStack({
    broker: false,
    waitReady: false,
    database: { url: 'postgres://nobody@127.0.0.1:1/none', close: async () => {} },
  });
  try {
    const response = await fetch(`${starting.url}/api/v1/session`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ type: '/problems/unavailable', status: 503 });
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  } finally {
    await starting.close();
  }
}, 20_000);
