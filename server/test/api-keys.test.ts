import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { sha256Hex } from '../src/platform/secrets.ts';
import { standingClock } from './clocks.ts';
import { type Stack, startStack } from './harness.ts';
import { recordingLog } from './logs.ts';
import { ADMIN_ENV, addApiKey, addOperator, type Browser, call, logIn, problemOf } from './operators.ts';

const clock = standingClock();
const log = recordingLog({ debug: true });
const DAY_MS = 24 * 3_600_000;
let stack: Stack;
let admin: Browser;

beforeAll(async () => {
  stack = await startStack({ broker: false, clock, env: ADMIN_ENV, log: log.log });
  admin = await logIn(stack);
}, 60_000);
afterAll(() => stack.close());

function whoAmI(authorization: string) {
  return call(stack, 'GET', '/session', undefined, { authorization });
}

describe('POST /api-keys', () => {
  test('shows the key once: 256 random bits behind "siot_"', async () => {
    const answer = await admin.call('POST', '/api-keys', { name: 'shown once', role: 'viewer' });
    const { key, id } = answer.body as { key: string; id: string };
    expect(key).toMatch(/^siot_[A-Za-z0-9_-]{43}$/);
    expect(answer).toMatchObject({
      status: 201,
      body: {
        name: 'shown once',
        role: 'viewer',
        prefix: key.slice(0, 11),
        createdBy: 'admin',
        expiresAt: new Date(clock.now() + 365 * DAY_MS).toISOString(),
        lastUsedAt: null,
      },
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await whoAmI(`Bearer ${key}`)).toMatchObject({
      status: 200,
      body: { kind: 'api_key', id, name: 'shown once', role: 'viewer' },
    });

    const stored =
      await stack.sql`select key_hash, row_to_json(api_keys)::text as row from api_keys where id = ${id}`;
    const audit =
      await stack.sql`select row_to_json(audit_log)::text as row from audit_log where subject = ${id}`;
    const list = await admin.call('GET', '/api-keys');
    expect(stored[0]?.key_hash).toBe(sha256Hex(key));
    expect(audit).toHaveLength(1);
    for (const text of [stored[0]?.row, audit[0]?.row, list.text, log.text()])
      expect(text).not.toContain(key);
    for (const text of [audit[0]?.row, list.text, answer.text]) expect(text).not.toContain(sha256Hex(key));
  });

  test.each([
    ['no name', { role: 'viewer' }, '/name'],
    ['a blank name', { name: '  ', role: 'viewer' }, '/name'],
    ['a name with a line break', { name: 'a\nb', role: 'viewer' }, '/name'],
    ['no role', { name: 'a' }, '/role'],
    ['an expiry in the past', { name: 'a', role: 'viewer', expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
    ['an expiry that is no time', { name: 'a', role: 'viewer', expiresAt: 'tomorrow' }, '/expiresAt'],
  ])('refuses %s', async (_, body, field) => {
    const problem = problemOf(await admin.call('POST', '/api-keys', body));
    expect(problem).toMatchObject({ status: 422, errors: [{ field }] });
  });

  test('refuses a name that is taken, which identifies the key in the audit log', async () => {
    await addApiKey(admin, { name: 'taken', role: 'viewer' });
    expect(problemOf(await admin.call('POST', '/api-keys', { name: 'taken', role: 'admin' })).status).toBe(
      409,
    );
  });

  test('requires the admin role', async () => {
    const viewer = await addApiKey(admin, { name: 'cannot create', role: 'viewer' });
    const answer = await call(
      stack,
      'POST',
      '/api-keys',
      { name: 'more', role: 'admin' },
      { authorization: viewer.authorization },
    );
    expect(problemOf(answer).status).toBe(403);
    expect(problemOf(await call(stack, 'POST', '/api-keys', { name: 'more', role: 'admin' })).status).toBe(
      401,
    );
  });
});

describe('an API key', () => {
  test('expires, and stays in the list', async () => {
    const expiresAt = new Date(clock.now() + DAY_MS).toISOString();
    const { authorization } = await addApiKey(admin, { name: 'for a day', role: 'viewer', expiresAt });
    clock.shift(DAY_MS - 1);
    expect((await whoAmI(authorization)).status).toBe(200);
    clock.shift(1);
    expect(problemOf(await whoAmI(authorization)).type).toBe('/problems/unauthenticated');
    admin = await logIn(stack);
    expect((await admin.call('GET', '/api-keys')).text).toContain('"for a day"');
  });

  test('never expires if its expiry is null', async () => {
    const { authorization } = await addApiKey(admin, { name: 'permanent', role: 'viewer', expiresAt: null });
    clock.shift(10_000 * DAY_MS);
    expect((await whoAmI(authorization)).status).toBe(200);
    clock.shift(-10_000 * DAY_MS);
  });

  test('records its last use at most once a minute', async () => {
    const { id, authorization } = await addApiKey(admin, { name: 'used', role: 'viewer' });
    const lastUse = async () => {
      const [row] = await stack.sql`select last_used_at from api_keys where id = ${id}`;
      return new Date(row?.last_used_at).getTime();
    };
    const first = clock.now();
    await whoAmI(authorization);
    clock.shift(59_999);
    await whoAmI(authorization);
    expect(await lastUse()).toBe(first);
    clock.shift(1);
    await whoAmI(authorization);
    expect(await lastUse()).toBe(first + 60_000);
  });

  test('takes precedence over a cookie, and a cookie does not replace an invalid key', async () => {
    const { authorization } = await addApiKey(admin, { name: 'before cookie', role: 'viewer' });
    expect((await admin.call('GET', '/session', undefined, { authorization })).body).toMatchObject({
      name: 'before cookie',
    });
    expect((await admin.call('GET', '/session', undefined, { authorization: 'Bearer siot_x' })).status).toBe(
      401,
    );
  });

  test.each([
    ['unknown', `Bearer siot_${'A'.repeat(43)}`],
    ['empty', 'Bearer '],
    ['of another scheme', `Basic ${btoa('admin:correct horse battery staple')}`],
    ['very long', `Bearer siot_${'A'.repeat(5_000)}`],
  ])('that is %s is refused', async (_, authorization) => {
    const answer = await whoAmI(authorization);
    expect(problemOf(answer).status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  test('gives no access to device routes, nor a device secret to these', async () => {
    const { key } = await addApiKey(admin, { name: 'not a device', role: 'admin' });
    expect((await fetch(`${stack.url}/mqtt`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(
      401,
    );
    expect((await whoAmI(`Bearer ${stack.env.DEVICE_MASTER_SECRET_KEY}`)).status).toBe(401);
  });
});

describe('DELETE /api-keys/{id}', () => {
  test('revokes the key immediately', async () => {
    const { id, authorization } = await addApiKey(admin, { name: 'revoked', role: 'admin' });
    expect((await admin.call('DELETE', `/api-keys/${id}`)).status).toBe(204);
    expect((await whoAmI(authorization)).status).toBe(401);
    expect(problemOf(await admin.call('DELETE', `/api-keys/${id}`)).status).toBe(404);
    const audit = await stack.sql`select action, before from audit_log where subject = ${id} order by id`;
    expect(audit[1]).toMatchObject({ action: 'api_key.revoked', before: { name: 'revoked', role: 'admin' } });
  });

  test('requires the admin role and a valid id', async () => {
    const viewer = await logIn(stack, await addOperator(admin, 'viewer', 'viewer'));
    expect((await viewer.call('DELETE', `/api-keys/${randomUUID()}`)).status).toBe(403);
    expect((await admin.call('DELETE', '/api-keys/x')).status).toBe(400);
  });
});

test('keys are listed by name, page by page', async () => {
  const names: string[] = [];
  let cursor = '';
  do {
    const answer = await admin.call('GET', `/api-keys?limit=3${cursor && `&cursor=${cursor}`}`);
    const page = answer.body as { items: { name: string }[]; next: string | null };
    names.push(...page.items.map(({ name }) => name));
    cursor = page.next ?? '';
  } while (cursor !== '');
  const rows = await stack.sql`select name from api_keys order by name`;
  expect(names).toEqual(rows.map(({ name }) => name));
  expect(names.length).toBeGreaterThan(5);
});
