import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { MASTER_SECRET, registerDevice, type Stack, startStack } from './harness.ts';
import { counterexamplesOf, exampleOf } from './json-schema-example.ts';
import { ADMIN_ENV, addApiKey, type Browser, logIn } from './operators.ts';

const openApi = z.object({
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ operationId: z.string(), responses: z.record(z.string(), z.unknown()) })),
  ),
});

/** Limits that the walk does not meet: a request that is refused for them tests nothing. */
const NO_LIMITS = { RATE_LIMIT_DEVICE: '100000', RATE_LIMIT_FAILED: '100000' };

let stack: Stack;
let admin: Browser;
let text: string;
let operations: { method: string; path: string; operationId: string; responses: Record<string, unknown> }[];

beforeAll(async () => {
  stack = await startStack({ broker: false, env: { ...ADMIN_ENV, ...NO_LIMITS } });
  admin = await logIn(stack);
  text = await (await fetch(`${stack.url}/api/v1/openapi.json`)).text();
  operations = Object.entries(openApi.parse(JSON.parse(text)).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, found]) => ({ ...found, method: method.toUpperCase(), path })),
  );
}, 60_000);
afterAll(() => stack.close());

test('each operation with a body takes what its schema describes, and answers as the document says', async () => {
  const { authorization } = await addApiKey(admin, { name: 'generated', role: 'admin' });
  const document = JSON.parse(text);
  const refused: string[] = [];
  let sent = 0;
  for (const found of operations) {
    const described = document.paths[found.path][found.method.toLowerCase()];
    const schema = described.requestBody?.content?.['application/json']?.schema;
    // What a device sends with its token is tested with a token.
    if (!schema || !found.path.startsWith('/api/')) continue;
    sent++;
    const good = exampleOf(document, schema);
    const path = found.path.replaceAll(/\{\w+\}/g, () => randomUUID());
    const headers = {
      'content-type': 'application/json',
      ...(found.operationId === 'logIn' ? {} : { authorization }),
    };
    const response = await fetch(`${stack.url}${path}`, {
      method: found.method,
      headers,
      body: JSON.stringify(good),
    });
    const answer = await response.text();
    const what = `${found.operationId} ${JSON.stringify(good)}: ${response.status} ${answer}`;
    expect(Object.keys(found.responses), what).toContain(String(response.status));
    expect([400, 415, 500], what).not.toContain(response.status);
    // That what it names does not exist is no fault of its form.
    if (response.status === 422 && !answer.includes('no such')) refused.push(what);
  }
  expect(refused).toEqual([]);
  expect(sent).toBeGreaterThanOrEqual(15);
}, 60_000);

test('each operation with a body refuses what passes a limit of its schema', async () => {
  const document = JSON.parse(text);
  const taken: string[] = [];
  let sent = 0;
  for (const found of operations) {
    const described = document.paths[found.path][found.method.toLowerCase()];
    const schema = described.requestBody?.content?.['application/json']?.schema;
    if (!schema || !found.path.startsWith('/api/')) continue;
    const path = found.path.replaceAll(/\{\w+\}/g, () => randomUUID());
    for (const { what, value } of counterexamplesOf(document, schema)) {
      sent++;
      const { status } = await admin.call(found.method, path.replace('/api/v1', ''), value);
      expect(Object.keys(found.responses), `${found.operationId}${what}`).toContain(String(status));
      if (![400, 413, 422].includes(status)) {
        taken.push(`${found.operationId}${what}: ${status}`);
      }
    }
  }
  expect(taken).toEqual([]);
  expect(sent).toBeGreaterThan(100);
}, 60_000);

test('device routes and health answer good and bad input with a status that the document names', async () => {
  const device = await registerDevice(stack.url, 'master');
  const walked = operations.filter(({ path }) => !path.startsWith('/api/') && path !== '/metrics');
  expect(walked.length).toBeGreaterThan(7);
  const statuses = new Set<number>();
  for (const found of walked) {
    for (const authorization of ['', 'Bearer wrong', `Bearer ${device.token}`, `Bearer ${MASTER_SECRET}`]) {
      for (const id of [device.uuid, randomUUID(), 'no-uuid']) {
        const path = found.path.replaceAll(/\{\w+\}/g, () => id);
        for (const query of [`?uuid=${id}`, '', '?nothing=1']) {
          for (const body of found.method === 'GET'
            ? [undefined]
            : ['{', '{"code":"000000"}', 'x'.repeat(70_000)]) {
            const headers = {
              authorization,
              ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            };
            const response = await fetch(`${stack.url}${path}${query}`, {
              method: found.method,
              headers,
              ...(body === undefined ? {} : { body }),
            });
            await response.body?.cancel();
            statuses.add(response.status);
            const what = `${found.method} ${found.path}${query} ${authorization.slice(0, 12)} ${body?.slice(0, 12)}`;
            expect(Object.keys(found.responses), what).toContain(String(response.status));
          }
        }
      }
    }
  }
  expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 401, 403]));
}, 60_000);
