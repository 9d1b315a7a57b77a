import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { z } from 'zod';
import { sha256Hex } from '../src/platform/secrets.ts';
import { standingClock } from './clocks.ts';
import { type Stack, startStack } from './harness.ts';
import {
  ADMIN,
  ADMIN_ENV,
  addApiKey,
  addOperator,
  call,
  logIn,
  openBrowser,
  problemOf,
} from './operators.ts';

const clock = standingClock();
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ broker: false, clock, env: ADMIN_ENV });
}, 60_000);
afterAll(() => stack.close());

async function isLoggedIn(browser: { call: (m: string, p: string) => Promise<{ status: number }> }) {
  return (await browser.call('GET', '/session')).status === 200;
}

describe('POST /session', () => {
  test('logs in with the user name in any case and answers the identity', async () => {
    const browser = openBrowser(stack);
    const answer = await browser.call('POST', '/session', { username: 'ADMIN', password: ADMIN.password });
    expect(answer).toMatchObject({
      status: 201,
      body: { kind: 'operator', name: 'admin', role: 'admin' },
    });
    expect(await browser.call('GET', '/session')).toMatchObject({ status: 200, body: answer.body });
  });

  test('the cookie is HttpOnly, SameSite=Strict and expires; over plain HTTP it is not Secure', async () => {
    const browser = await logIn(stack);
    expect(browser.attributes.get('siot_session')).toBe(
      '; Max-Age=604800; Path=/; HttpOnly; SameSite=Strict',
    );
    expect(browser.attributes.get('siot_browser')).toBe(
      '; Max-Age=15552000; Path=/; HttpOnly; SameSite=Strict',
    );
  });

  test('X-Forwarded-Proto is ignored without a trusted proxy', async () => {
    const browser = await logIn(stack, ADMIN, { 'x-forwarded-proto': 'https' });
    expect([...browser.cookies.keys()]).toEqual(['siot_session', 'siot_browser']);
  });

  test('the answer to a wrong password and to an unknown user name is the same', async () => {
    const wrong = await call(stack, 'POST', '/session', { username: 'admin', password: 'wrong password' });
    const unknown = await call(stack, 'POST', '/session', { username: 'nobody', password: 'wrong password' });
    expect(problemOf(wrong)).toMatchObject({ type: '/problems/unauthenticated', status: 401 });
    expect({ ...problemOf(unknown), instance: '' }).toEqual({ ...problemOf(wrong), instance: '' });
    expect(wrong.headers.getSetCookie()).toEqual([]);
  });

  test.each([
    ['no body', undefined, 422, ''],
    ['no password', { username: 'admin' }, 422, '/password'],
    ['a password that is not text', { username: 'admin', password: 1 }, 422, '/password'],
    ['a password without end', { username: 'admin', password: 'x'.repeat(257) }, 422, '/password'],
    ['an unknown member', { ...ADMIN, remember: true }, 422, ''],
    ['an array', [], 422, ''],
    ['no JSON', '{"username":', 400, undefined],
  ])('refuses %s', async (_, body, status, field) => {
    const problem = problemOf(await openBrowser(stack).call('POST', '/session', body));
    expect(problem.status).toBe(status);
    if (field) expect(problem.errors?.map((error) => error.field)).toContain(field);
  });

  test('refuses forms, which a page of another origin could send', async () => {
    for (const type of [
      'application/x-www-form-urlencoded',
      'text/plain',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await call(stack, 'POST', '/session', JSON.stringify(ADMIN), {
        'content-type': type,
        'sec-fetch-site': 'same-origin',
      });
      expect(problemOf(answer).status).toBe(415);
    }
  });

  test('gives every login a new token and ends the session that the browser had', async () => {
    const browser = await logIn(stack);
    const first = browser.cookies.get('siot_session') ?? '';
    await browser.call('POST', '/session', ADMIN);
    expect(browser.cookies.get('siot_session')).not.toBe(first);
    expect(
      (await call(stack, 'GET', '/session', undefined, { cookie: `siot_session=${first}` })).status,
    ).toBe(401);
  });

  test('never adopts a token that was planted before', async () => {
    const browser = openBrowser(stack);
    browser.cookies.set('siot_session', 'planted');
    await browser.call('POST', '/session', ADMIN);
    expect(browser.cookies.get('siot_session')).not.toBe('planted');
    expect((await call(stack, 'GET', '/session', undefined, { cookie: 'siot_session=planted' })).status).toBe(
      401,
    );
  });

  test('stores only the hash of the token', async () => {
    const browser = await logIn(stack);
    const token = browser.cookies.get('siot_session') ?? '';
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const rows =
      await stack.sql`select token_hash, row_to_json(operator_sessions)::text as row from operator_sessions`;
    expect(rows.map(({ token_hash }) => token_hash)).toContain(sha256Hex(token));
    expect(rows.map(({ row }) => row).join()).not.toContain(token);
  });
});

describe('session expiry', () => {
  test('comes 12 hours after its last use', async () => {
    const browser = await logIn(stack);
    clock.shift(12 * HOUR_MS - 1);
    expect(await isLoggedIn(browser)).toBe(true);
    clock.shift(12 * HOUR_MS - 1);
    expect(await isLoggedIn(browser)).toBe(true);
    clock.shift(12 * HOUR_MS);
    expect(await isLoggedIn(browser)).toBe(false);
  });

  test('comes 7 days after the login, however much it is used', async () => {
    const browser = await logIn(stack);
    for (let hours = 0; hours < 7 * 24 - 6; hours += 6) {
      clock.shift(6 * HOUR_MS);
      expect(await isLoggedIn(browser)).toBe(true);
    }
    clock.shift(6 * HOUR_MS);
    expect(await isLoggedIn(browser)).toBe(false);
  });

  test('removes the row once another session begins', async () => {
    await logIn(stack);
    clock.shift(8 * DAY_MS);
    await logIn(stack);
    expect(await stack.sql`select id from operator_sessions`).toHaveLength(1);
  });

  test('records the last use at most once a minute', async () => {
    const browser = await logIn(stack);
    const lastUse = async () => {
      const [row] = await stack.sql`
        select last_used_at from operator_sessions where token_hash = ${sha256Hex(browser.cookies.get('siot_session') ?? '')}`;
      return new Date(row?.last_used_at).getTime();
    };
    const begun = clock.now();
    clock.shift(59_999);
    await browser.call('GET', '/session');
    expect(await lastUse()).toBe(begun);
    clock.shift(1);
    await browser.call('GET', '/session');
    expect(await lastUse()).toBe(begun + 60_000);
  });
});

describe('DELETE /session', () => {
  test('logs out: the cookie is no longer valid and is deleted', async () => {
    const browser = await logIn(stack);
    const token = browser.cookies.get('siot_session');
    expect((await browser.call('DELETE', '/session')).status).toBe(204);
    expect(browser.cookies.has('siot_session')).toBe(false);
    expect(
      (await call(stack, 'GET', '/session', undefined, { cookie: `siot_session=${token}` })).status,
    ).toBe(401);
    expect((await browser.call('DELETE', '/session')).status).toBe(401);
  });

  test('is refused with an API key', async () => {
    const { authorization } = await addApiKey(await logIn(stack), { name: 'no session', role: 'admin' });
    for (const [method, path] of [
      ['DELETE', '/session'],
      ['GET', '/sessions'],
      ['PUT', '/session/password'],
    ] as const) {
      expect((await call(stack, method, path, undefined, { authorization })).status).toBe(403);
    }
  });
});

describe('sessions', () => {
  test('are listed only to their operator, without their tokens', async () => {
    clock.shift(8 * DAY_MS);
    const desk = await logIn(stack, ADMIN, { 'user-agent': 'desk' });
    clock.shift(1);
    const phone = await logIn(stack, ADMIN, { 'user-agent': 'x'.repeat(1_000) });
    const other = await addOperator(desk, 'list-other', 'viewer');
    await logIn(stack, other);
    const answer = await desk.call('GET', '/sessions');
    const { items } = z.object({ items: z.array(z.record(z.string(), z.unknown())) }).parse(answer.body);
    expect(items.map(({ current, userAgent, address }) => ({ current, userAgent, address }))).toEqual([
      { current: true, userAgent: 'desk', address: '127.0.0.1' },
      { current: false, userAgent: 'x'.repeat(256), address: '127.0.0.1' },
    ]);
    for (const browser of [desk, phone]) {
      const token = browser.cookies.get('siot_session') ?? '';
      expect(answer.text).not.toContain(token);
      expect(answer.text).not.toContain(sha256Hex(token));
    }
  });

  test('can be ended one by one, only by their operator', async () => {
    const desk = await logIn(stack);
    const viewer = await logIn(stack, await addOperator(desk, 'end-other', 'viewer'));
    const { items } = (await viewer.call('GET', '/sessions')).body as { items: { id: string }[] };
    const path = `/sessions/${items[0]?.id}`;
    expect(problemOf(await desk.call('DELETE', path)).status).toBe(404);
    expect(await isLoggedIn(viewer)).toBe(true);
    expect((await viewer.call('DELETE', path)).status).toBe(204);
    expect(await isLoggedIn(viewer)).toBe(false);
    expect(problemOf(await desk.call('DELETE', '/sessions/none')).errors?.[0]?.field).toBe('id');
  });

  test('an administrator ends all of an operator, and keeps their own where it is theirs', async () => {
    const desk = await logIn(stack);
    const phone = await logIn(stack);
    const operator = await addOperator(desk, 'end-all', 'viewer');
    const viewer = await logIn(stack, operator);
    expect((await viewer.call('DELETE', `/operators/${operator.id}/sessions`)).status).toBe(403);
    expect((await desk.call('DELETE', `/operators/${operator.id}/sessions`)).status).toBe(204);
    expect(await isLoggedIn(viewer)).toBe(false);
    const { id } = (await desk.call('GET', '/session')).body as { id: string };
    expect((await desk.call('DELETE', `/operators/${id}/sessions`)).status).toBe(204);
    expect([await isLoggedIn(desk), await isLoggedIn(phone)]).toEqual([true, false]);
    expect((await desk.call('DELETE', `/operators/${crypto.randomUUID()}/sessions`)).status).toBe(404);
  });
});

describe('PUT /session/password', () => {
  test('changes the password and ends the other sessions', async () => {
    const account = await addOperator(await logIn(stack), 'changes', 'viewer');
    const desk = await logIn(stack, account);
    const phone = await logIn(stack, account);
    const answer = await desk.call('PUT', '/session/password', {
      currentPassword: account.password,
      newPassword: 'a much longer password',
    });
    expect(answer.status).toBe(204);
    expect([await isLoggedIn(desk), await isLoggedIn(phone)]).toEqual([true, false]);
    expect((await call(stack, 'POST', '/session', account)).status).toBe(422);
    const { username } = account;
    expect((await call(stack, 'POST', '/session', { username, password: account.password })).status).toBe(
      401,
    );
    await logIn(stack, { username, password: 'a much longer password' });
  });

  test.each([
    [
      'a wrong current one',
      { currentPassword: 'wrong password', newPassword: 'long enough, this' },
      '/currentPassword',
    ],
    ['a short one', { currentPassword: 'x', newPassword: 'elevenchars' }, '/newPassword'],
    ['none', { currentPassword: 'x' }, '/newPassword'],
  ])('refuses %s', async (_, body, field) => {
    const problem = problemOf(await (await logIn(stack)).call('PUT', '/session/password', body));
    expect(problem).toMatchObject({ status: 422, errors: [{ field }] });
  });

  test('limits password guesses by a stolen session', async () => {
    const browser = await logIn(stack);
    const guess = { currentPassword: 'wrong password', newPassword: 'long enough, this' };
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 11; attempt++) {
      statuses.push((await browser.call('PUT', '/session/password', guess)).status);
    }
    expect(statuses).toEqual([...Array(10).fill(422), 429]);
  });
});

describe('behind TLS at a trusted proxy', () => {
  beforeAll(() => stack.startServer({ TRUST_PROXY_HOPS: '1' }));
  afterAll(() => stack.startServer({ TRUST_PROXY_HOPS: '0' }));

  test('the cookies are Secure and bound to the host', async () => {
    const browser = await logIn(stack, ADMIN, { 'x-forwarded-proto': 'https' });
    expect(browser.attributes.get('__Host-siot_session')).toBe(
      '; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Strict',
    );
    expect(browser.attributes.get('__Host-siot_browser')).toContain('; Secure');
    expect(await isLoggedIn(browser)).toBe(true);
    expect((await browser.call('DELETE', '/session')).status).toBe(204);
    expect(browser.cookies.has('__Host-siot_session')).toBe(false);
  });

  test('a cookie that plain HTTP could have planted is not read', async () => {
    const browser = await logIn(stack, ADMIN, { 'x-forwarded-proto': 'https' });
    const token = browser.cookies.get('__Host-siot_session');
    const headers = { cookie: `siot_session=${token}`, 'x-forwarded-proto': 'https' };
    expect((await call(stack, 'GET', '/session', undefined, headers)).status).toBe(401);
  });

  test('a page of the same host by HTTPS is its own, one by HTTP is not', async () => {
    const browser = await logIn(stack, ADMIN, { 'x-forwarded-proto': 'https' });
    const { host } = new URL(stack.url);
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
    const from = (origin: string) =>
      call(stack, 'DELETE', '/session', undefined, { cookie, origin, 'x-forwarded-proto': 'https' });
    expect((await from(`http://${host}`)).status).toBe(403);
    expect((await from(`https://${host}`)).status).toBe(204);
  });
});
