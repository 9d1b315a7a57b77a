import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { createApiClient } from '../src/api/client.ts';
import { problemKinds } from '../src/http/problem.ts';
import { type Stack, startStack } from './harness.ts';
import { ADMIN, ADMIN_ENV, addApiKey, addOperator, type Browser, logIn } from './operators.ts';

const METHODS = ['get', 'put', 'post', 'patch', 'delete'] as const;

const operation = z.object({
  operationId: z.string(),
  summary: z.string(),
  tags: z.array(z.string()).length(1),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  responses: z.record(z.string(), z.object({ description: z.string() })),
});
const openApi = z.object({ paths: z.record(z.string(), z.partialRecord(z.enum(METHODS), operation)) });

const METRICS_TOKEN = 'metrics-token-0123456789';
const HEALTH = ['checkLiveness', 'checkReadiness'];

interface Operation extends z.output<typeof operation> {
  readonly method: string;
  readonly path: string;
}

let stack: Stack;
let admin: Browser;
let text: string;
let operations: Operation[];

beforeAll(async () => {
  stack = await startStack({ broker: false, env: { ...ADMIN_ENV, METRICS_TOKEN } });
  admin = await logIn(stack);
  const response = await fetch(`${stack.url}/api/v1/openapi.json`);
  text = await response.text();
  const { paths } = openApi.parse(JSON.parse(text));
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, found]) => ({ ...found, method: method.toUpperCase(), path })),
  );
}, 60_000);
afterAll(() => stack.close());

const bodyTypeOf = (path: string) => (path.endsWith('/import') ? 'text/csv' : 'application/json');

/** A request to an operation, its parameters filled in, with a body that would be JSON. */
function request(
  { method, path }: Operation,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const filled = path.replaceAll(/\{\w+\}/g, () => randomUUID());
  return fetch(`${stack.url}${filled}`, {
    method,
    headers: { ...(method === 'GET' ? {} : { 'content-type': bodyTypeOf(path) }), ...headers },
    ...(method === 'GET' ? {} : { body: '{}' }),
  });
}

describe('the OpenAPI document', () => {
  test('is 3.1, names its operations uniquely, and knows both sides of the server', () => {
    expect(JSON.parse(text)).toMatchObject({ openapi: '3.1.0', security: expect.any(Array) });
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(
      expect.arrayContaining(['logIn', 'createApiKey', 'listAudit', 'requestToken', 'findBroker']),
    );
  });

  test('resolves every reference, and names every parameter of a path', () => {
    const document = JSON.parse(text);
    for (const [, reference = ''] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = reference.split('/').reduce((at, name) => at?.[name], document);
      expect(found, reference).toBeDefined();
    }
    for (const [path, methods] of Object.entries<
      Record<string, { parameters?: { in: string; name: string }[] }>
    >(document.paths)) {
      for (const [method, { parameters = [] }] of Object.entries(methods)) {
        const named = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
        const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        expect(named.toSorted(), `${method} ${path}`).toEqual(inPath.toSorted() as string[]);
      }
    }
  });

  test('documents every method of its paths', async () => {
    const described = operations.map(({ method, path }) => ({
      method,
      pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    }));
    // A wrong method is answered with those that the path has, described or not.
    for (const { path } of operations.filter((found) => found.path.startsWith('/api/'))) {
      const response = await admin.call(
        'OPTIONS',
        path.replace('/api/v1', '').replaceAll(/\{\w+\}/g, randomUUID()),
      );
      expect(response.status, path).toBe(405);
      const allowed =
        response.headers
          .get('allow')
          ?.split(', ')
          .filter((method) => method !== 'HEAD') ?? [];
      for (const method of allowed) {
        const found = described.some((known) => known.method === method && known.pattern.test(path));
        expect(found, `${method} ${path}`).toBe(true);
      }
    }
  });

  test('logging in and health are the only operations without credentials', () => {
    const open = operations.filter(({ security }) => security?.length === 0);
    expect(open.map(({ operationId }) => operationId).toSorted()).toEqual([...HEALTH, 'logIn'].toSorted());
  });
});

test('each operation answers good and bad input with a status that the document names', async () => {
  const { authorization } = await addApiKey(admin, { name: 'walker', role: 'admin' });
  for (const found of operations.filter(({ path }) => path.startsWith('/api/'))) {
    const url = (id: string) => `${stack.url}${found.path.replaceAll(/\{\w+\}/g, id)}`;
    const bodies: RequestInit[] =
      found.method === 'GET'
        ? [{}]
        : [
            {},
            { body: '{', headers: { 'content-type': 'application/json' } },
            { body: '{"nothing":1}', headers: { 'content-type': 'application/json' } },
            { body: 'x', headers: { 'content-type': 'text/plain' } },
            { body: 'x'.repeat(70_000), headers: { 'content-type': 'application/json' } },
          ];
    const named = Object.keys(found.responses);
    for (const [id, query] of [
      [randomUUID(), ''],
      ['no-uuid', ''],
      [randomUUID(), '?nothing=1'],
    ] as const) {
      for (const init of bodies) {
        const headers = { authorization, ...init.headers };
        const response = await fetch(`${url(id)}${query}`, { ...init, headers, method: found.method });
        await response.body?.cancel();
        expect(
          named,
          `${found.method} ${found.path} ${query} ${init.body?.toString().slice(0, 12)}`,
        ).toContain(String(response.status));
      }
    }
  }
}, 60_000);

test('a body may be left out exactly where the document says so', async () => {
  const { paths } = JSON.parse(text);
  expect(paths['/api/v1/devices/{id}/revoke'].post.requestBody.required).toBe(false);
  expect(paths['/api/v1/devices/{id}/key'].post.requestBody.required).toBe(false);
  expect(paths['/api/v1/devices'].post.requestBody.required).toBe(true);
  expect(paths['/api/v1/operators/{id}'].patch.requestBody.required).toBe(true);
  expect(paths['/api/v1/devices/import'].post.requestBody.required).toBe(true);
});

test('the document names every status that a device route answers, and nothing that is not in its table', () => {
  const statusesOf = (id: string) =>
    Object.keys(operations.find(({ operationId }) => operationId === id)?.responses ?? {});
  const everywhere = ['200', '401', '403', '429', '500', '503'];
  expect(statusesOf('requestToken')).toEqual(['200', '400', '401', '403', '429', '500', '503']);
  expect(statusesOf('findBroker')).toEqual(everywhere);
  expect(statusesOf('issuePairingCode')).toEqual(['200', '401', '403', '409', '429', '500', '503']);
  expect(statusesOf('listOwnAgents')).toEqual(['200', '400', '401', '403', '429', '500', '503']);
  expect(statusesOf('claimAgent')).toEqual(['200', '400', '401', '403', '409', '429', '500', '503']);
  expect(statusesOf('releaseAgent')).toEqual(['200', '400', '401', '403', '429', '500', '503']);
});

test('health and metrics answer with the statuses and bodies that the document names', async () => {
  const { paths, components } = JSON.parse(text);
  const statuses = (path: string) => Object.keys(paths[path].get.responses);
  expect(statuses('/health/live')).toEqual(['200', '500']);
  expect(statuses('/health/ready')).toEqual(['200', '500', '503']);
  expect(statuses('/metrics')).toEqual(['200', '401', '500']);
  expect(paths['/metrics'].get.security).toEqual([{ metricsToken: [] }]);
  expect(components.securitySchemes.metricsToken).toMatchObject({ type: 'http', scheme: 'bearer' });

  const get = (path: string, authorization = '') =>
    fetch(`${stack.url}${path}`, { headers: { authorization } });
  const cases = [
    [await get('/health/live'), '/health/live', 200],
    // This stack has no broker.
    [await get('/health/ready'), '/health/ready', 503],
    [await get('/metrics'), '/metrics', 401],
    [await get('/metrics', 'Bearer wrong-token-0123456789'), '/metrics', 401],
    [await get('/metrics', `Bearer ${METRICS_TOKEN}`), '/metrics', 200],
  ] as const;
  for (const [response, path, status] of cases) {
    expect(response.status, path).toBe(status);
    const mediaType = response.headers.get('content-type')?.split(';')[0] ?? '';
    const content = paths[path].get.responses[status].content;
    expect(Object.keys(content), `${path} ${status}`).toEqual([mediaType]);
    const body = await response.text();
    if (mediaType !== 'application/json') continue;
    const schema = content[mediaType].schema;
    const { required } = schema.$ref ? components.schemas[schema.$ref.split('/').at(-1)] : schema;
    expect(Object.keys(JSON.parse(body)), `${path} ${status}`).toEqual(expect.arrayContaining(required));
  }
});

test('metrics are in the document only where this port answers them', async () => {
  const other = await startStack({ broker: false });
  const document = openApi.parse(await (await fetch(`${other.url}/api/v1/openapi.json`)).json());
  const status = (await fetch(`${other.url}/metrics`)).status;
  await other.close();
  expect(Object.keys(document.paths)).toContain('/health/live');
  expect(Object.keys(document.paths)).not.toContain('/metrics');
  expect(status).toBe(404);
});

/** A question that is too long for a URL; whoever reads may ask it. */
const isRead = (operationId: string) => operationId === 'previewAlertRule';

describe('credentials', () => {
  test('every operation answers 401 without, in the form of its side', async () => {
    expect(operations.length).toBeGreaterThan(35);
    for (const found of operations) {
      const response = await request(found);
      if (HEALTH.includes(found.operationId)) continue;
      if (found.operationId === 'logIn') {
        expect(response.status).toBe(422);
        continue;
      }
      expect(response.status, `${found.method} ${found.path}`).toBe(401);
      const body: unknown = await response.json();
      if (found.path.startsWith('/api/')) {
        expect(body).toMatchObject({ type: '/problems/unauthenticated', status: 401 });
      } else {
        expect(body).toMatchObject({ c: 'FORBIDDEN', r: 'no_credential' });
      }
    }
  });

  test('a viewer can change nothing: every operation but GET answers 403 to a viewer key', async () => {
    const { authorization } = await addApiKey(admin, { name: 'viewer', role: 'viewer' });
    const unsafe = operations.filter(
      ({ method, path, operationId }) =>
        method !== 'GET' && path.startsWith('/api/') && operationId !== 'logIn' && !isRead(operationId),
    );
    expect(unsafe.length).toBeGreaterThan(18);
    const [before] = await stack.sql`select count(*)::int as entries from audit_log`;
    for (const found of unsafe) {
      const response = await request(found, { authorization });
      expect(response.status, `${found.method} ${found.path}`).toBe(403);
    }
    const [after] = await stack.sql`select count(*)::int as entries from audit_log`;
    expect(after?.entries).toBe(before?.entries);
  });

  test('a viewer who is logged in can change nothing but their own session and password', async () => {
    const viewer = await logIn(stack, await addOperator(admin, 'viewer', 'viewer'));
    const own = ['logIn', 'logOut', 'changePassword', 'revokeSession'];
    for (const found of operations) {
      if (found.method === 'GET' || !found.path.startsWith('/api/') || own.includes(found.operationId))
        continue;
      if (isRead(found.operationId)) continue;
      const path = found.path.replace('/api/v1', '').replaceAll(/\{\w+\}/g, randomUUID());
      expect(
        (await viewer.call(found.method, path, {}, { 'content-type': bodyTypeOf(path) })).status,
        `${found.method} ${found.path}`,
      ).toBe(403);
    }
  });

  test('a viewer can read everything', async () => {
    const { authorization } = await addApiKey(admin, { name: 'reader', role: 'viewer' });
    for (const found of operations) {
      if (found.method !== 'GET' || !found.path.startsWith('/api/') || found.operationId === 'listSessions')
        continue;
      const response = await request(found, { authorization });
      expect([200, 404], `${found.method} ${found.path}`).toContain(response.status);
    }
  });
});

test('the typed client knows the routes and their answers', async () => {
  const { key } = await addApiKey(admin, { name: 'client', role: 'admin' });
  const api = createApiClient(stack.url, { apiKey: key });
  const me = await (await api.session.$get()).json();
  expect(me satisfies { role: 'admin' | 'viewer' }).toMatchObject({ name: 'client', role: 'admin' });
  const operators = await (await api.operators.$get({ query: { limit: '1' } })).json();
  expect(operators.items[0]?.username satisfies string | undefined).toBe(ADMIN.username);
  const added = await api['api-keys'].$post({ json: { name: 'by client', role: 'viewer' } });
  expect((await added.json()).key).toStartWith('siot_');
});

describe('pages', () => {
  test.each(Object.entries(problemKinds))(
    '/problems/%s says what it means',
    async (kind, { title, meaning }) => {
      const response = await fetch(`${stack.url}/problems/${kind}`);
      expect(response.headers.get('content-type')).toStartWith('text/html');
      const page = await response.text();
      expect(page).toContain(`<h1>${title}</h1>`);
      expect(page).toContain(meaning.slice(0, 20).replaceAll('"', '&quot;'));
    },
  );

  test('/problems lists all kinds, and there are no others', async () => {
    const index = await (await fetch(`${stack.url}/problems`)).text();
    for (const kind of Object.keys(problemKinds)) expect(index).toContain(`href="/problems/${kind}"`);
    for (const kind of ['nothing', 'constructor', '__proto__']) {
      expect((await fetch(`${stack.url}/problems/${kind}`)).status).toBe(404);
    }
  });

  test('/llms.txt has a line for every operation', async () => {
    const response = await fetch(`${stack.url}/llms.txt`);
    expect(response.headers.get('content-type')).toStartWith('text/plain');
    const lines = await response.text();
    for (const { method, path, summary } of operations) {
      expect(lines).toContain(`- \`${method} ${path}\`: ${summary}`);
    }
  });

  test('all of /docs comes from this server, under a policy that allows nothing else', async () => {
    const response = await fetch(`${stack.url}/docs`);
    const page = await response.text();
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain('http');
    expect(page).not.toMatch(/https?:\/\//);
    for (const [, path] of page.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      const file = await fetch(`${stack.url}${path}`);
      expect(file.status).toBe(200);
      expect(file.headers.get('content-type')).toBe(
        path?.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8',
      );
      expect((await file.text()).length).toBeGreaterThan(50);
    }
  });

  test.each(['/docs', '/docs/start.js', '/problems', '/llms.txt', '/api/v1/openapi.json'])(
    '%s is for reading alone',
    async (path) => {
      const response = await fetch(`${stack.url}${path}`, { method: 'POST' });
      expect(response.status).toBe(path.startsWith('/api/') ? 401 : 405);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toMatchObject({ status: response.status });
    },
  );
});

test('no operation of an operator takes a parameter that the document does not name', async () => {
  const { authorization } = await addApiKey(admin, { name: 'stranger', role: 'admin' });
  const ofOperators = operations.filter(
    ({ path, security }) => path.startsWith('/api/v1') && security?.length !== 0,
  );
  expect(ofOperators.length).toBeGreaterThan(50);
  for (const { method, path } of ofOperators) {
    const filled = path.replaceAll(/\{\w+\}/g, () => randomUUID());
    const response = await fetch(`${stack.url}${filled}?sate=revoked`, {
      method,
      headers: { authorization },
    });
    const faults = z
      .object({ errors: z.array(z.object({ field: z.string(), message: z.string() })) })
      .safeParse(await response.json().catch(() => undefined));
    // A body that is missing is told first where both are wrong.
    if (response.status === 422) continue;
    expect({ operation: `${method} ${path}`, status: response.status }).toEqual({
      operation: `${method} ${path}`,
      status: 400,
    });
    expect(faults.data?.errors ?? [], `${method} ${path}`).toContainEqual({
      field: 'sate',
      message: 'unknown parameter',
    });
  }
}, 60_000);
