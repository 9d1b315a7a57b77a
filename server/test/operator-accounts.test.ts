import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { type Stack, startStack } from './harness.ts';
import { recordingLog } from './logs.ts';
import { ADMIN_ENV, addApiKey, addOperator, type Browser, call, logIn, problemOf } from './operators.ts';

const log = recordingLog({ debug: true });
let stack: Stack;
let admin: Browser;
let viewer: Browser;

beforeAll(async () => {
  stack = await startStack({ broker: false, env: ADMIN_ENV, log: log.log });
  admin = await logIn(stack);
  viewer = await logIn(stack, await addOperator(admin, 'viewer', 'viewer'));
}, 60_000);
afterAll(() => stack.close());

async function adminId(): Promise<string> {
  const [row] = await stack.sql`select id from operators where username = 'admin'`;
  return row?.id;
}

async function actionsOn(id: string): Promise<string[]> {
  const rows = await stack.sql`select action from audit_log where subject = ${id} order by id`;
  return rows.map(({ action }) => action);
}

const body = (name: string) => ({ username: name, password: `password of ${name}`, role: 'viewer' });

describe('POST /operators', () => {
  test('adds an operator who can log in', async () => {
    const answer = await admin.call('POST', '/operators', { ...body('Ada'), password: 'password of Ada' });
    expect(answer).toMatchObject({ status: 201, body: { username: 'ada', role: 'viewer', version: 1 } });
    expect(answer.headers.get('etag')).toBe('"1"');
    const path = answer.headers.get('location')?.replace('/api/v1', '') ?? '';
    expect((await admin.call('GET', path)).body).toEqual(answer.body);
    await logIn(stack, { username: 'ada', password: 'password of Ada' });
  });

  test('stores the password as an argon2id hash, and neither appears in answers, log or audit log', async () => {
    const answer = await admin.call('POST', '/operators', body('hashed'));
    const [row] = await stack.sql`select id, password_hash from operators where username = 'hashed'`;
    expect(row?.password_hash).toStartWith('$argon2id$v=19$m=19456,t=2,p=1$');
    const audit = await stack.sql`select row_to_json(audit_log)::text as row from audit_log`;
    for (const text of [answer.text, log.text(), audit.map(({ row }) => row).join()]) {
      expect(text).not.toContain('password of hashed');
      expect(text).not.toContain('$argon2');
    }
    expect(await actionsOn(row?.id)).toEqual(['operator.created']);
  });

  test.each([
    ['a short password', { password: 'elevenchars' }, '/password'],
    ['the user name as password', { username: 'twelve-chars', password: 'Twelve-Chars' }, '/password'],
    ['a password without end', { password: 'x'.repeat(257) }, '/password'],
    ['a user name with blanks', { username: 'a b' }, '/username'],
    ['a user name of one letter', { username: 'a' }, '/username'],
    ['a role that there is not', { role: 'root' }, '/role'],
  ])('refuses %s', async (_, change, field) => {
    const answer = await admin.call('POST', '/operators', { ...body('refused'), ...change });
    expect(problemOf(answer)).toMatchObject({ status: 422, errors: [{ field }] });
    expect(answer.text).not.toContain('"Twelve-Chars"');
  });

  test('refuses a user name that is taken, in any case, also for concurrent requests', async () => {
    expect(problemOf(await admin.call('POST', '/operators', body('VIEWER'))).status).toBe(409);
    const answers = await Promise.all([1, 2].map(() => admin.call('POST', '/operators', body('twice'))));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409]);
  });

  test('requires the admin role', async () => {
    expect(problemOf(await viewer.call('POST', '/operators', body('by-viewer'))).status).toBe(403);
    expect(problemOf(await call(stack, 'POST', '/operators', body('by-nobody'))).status).toBe(401);
  });
});

describe('GET /operators', () => {
  test('lists them page by page, for viewers too', async () => {
    for (const name of ['page-1', 'page-2', 'page-3']) await addOperator(admin, name, 'viewer');
    const names: string[] = [];
    let cursor = '';
    do {
      const answer = await viewer.call('GET', `/operators?limit=2${cursor && `&cursor=${cursor}`}`);
      const page = answer.body as { items: { username: string }[]; next: string | null };
      expect(page.items.length).toBeLessThanOrEqual(2);
      names.push(...page.items.map(({ username }) => username));
      cursor = page.next ?? '';
    } while (cursor !== '');
    const rows = await stack.sql`select username from operators order by username`;
    expect(names).toEqual(rows.map(({ username }) => username));
  });

  test.each(['limit=0', 'limit=201', 'limit=x', 'cursor=x', 'cursor=WzFd', `cursor=${'x'.repeat(2_000)}`])(
    'refuses ?%s',
    async (query) => {
      const problem = problemOf(await admin.call('GET', `/operators?${query}`));
      expect(problem).toMatchObject({ status: 400, type: '/problems/bad-request' });
      expect(problem.errors?.[0]?.field).toStartWith(query.split('=')[0] ?? '');
    },
  );

  test('an unknown operator is not found', async () => {
    expect(problemOf(await admin.call('GET', `/operators/${randomUUID()}`)).status).toBe(404);
    expect(problemOf(await admin.call('GET', '/operators/1')).status).toBe(400);
  });
});

describe('PATCH /operators/{id}', () => {
  test('changes the role, effective with the next request', async () => {
    const operator = await addOperator(admin, 'promoted', 'viewer');
    const browser = await logIn(stack, operator);
    const answer = await admin.call('PATCH', `/operators/${operator.id}`, { role: 'admin' });
    expect(answer).toMatchObject({ status: 200, body: { role: 'admin', version: 2 } });
    expect((await browser.call('GET', '/session')).body).toMatchObject({ role: 'admin' });
    await addApiKey(browser, { name: 'of promoted, admin', role: 'admin' });
    await addApiKey(browser, { name: 'of promoted, viewer', role: 'viewer' });

    await admin.call('PATCH', `/operators/${operator.id}`, { role: 'viewer' });
    expect((await browser.call('POST', '/operators', body('no-longer'))).status).toBe(403);
    const keys = await stack.sql`select name from api_keys where created_by = ${operator.id}`;
    expect(keys.map(({ name }) => name)).toEqual(['of promoted, viewer']);
    const [entry] = await stack.sql`
      select before, after from audit_log where subject = ${operator.id} order by id desc limit 1`;
    expect(entry).toEqual({
      before: { username: 'promoted', role: 'admin' },
      after: { username: 'promoted', role: 'viewer', revokedApiKeys: ['of promoted, admin'] },
    });
  });

  test('a new password ends the sessions of the operator', async () => {
    const operator = await addOperator(admin, 'forgetful', 'viewer');
    const browser = await logIn(stack, operator);
    await admin.call('PATCH', `/operators/${operator.id}`, { password: 'something new now' });
    expect((await browser.call('GET', '/session')).status).toBe(401);
    await logIn(stack, { username: 'forgetful', password: 'something new now' });
    expect(await actionsOn(operator.id)).toContain('operator.changed');
  });

  test('refuses the user name as a new password, in any case, and keeps the former one', async () => {
    const operator = await addOperator(admin, 'twelve-chars-too', 'viewer');
    const answer = await admin.call('PATCH', `/operators/${operator.id}`, { password: 'Twelve-Chars-Too' });
    expect(problemOf(answer)).toMatchObject({ status: 422, errors: [{ field: '/password' }] });
    await logIn(stack, operator);
    expect(await actionsOn(operator.id)).toEqual(['operator.created']);
  });

  test('honours If-Match', async () => {
    const { id } = await addOperator(admin, 'tagged', 'viewer');
    const change = (role: string, ifMatch: string) =>
      admin.call('PATCH', `/operators/${id}`, { role }, { 'if-match': ifMatch });
    expect((await change('admin', '"1"')).headers.get('etag')).toBe('"2"');
    expect(problemOf(await change('viewer', '"1"'))).toMatchObject({ status: 412 });
    expect((await change('viewer', '"7", "2"')).status).toBe(200);
    expect((await change('admin', 'W/"3"')).status).toBe(200);
    expect((await change('viewer', '*')).status).toBe(200);
    expect(problemOf(await change('admin', 'nonsense')).status).toBe(412);
    const remove = (ifMatch: string) =>
      admin.call('DELETE', `/operators/${id}`, undefined, { 'if-match': ifMatch });
    expect((await remove('"1"')).status).toBe(412);
    expect((await remove('"5"')).status).toBe(204);
  });

  test('a request that changes nothing leaves version and audit log alone', async () => {
    const { id } = await addOperator(admin, 'same', 'viewer');
    expect((await admin.call('PATCH', `/operators/${id}`, { role: 'viewer' })).headers.get('etag')).toBe(
      '"1"',
    );
    expect(await actionsOn(id)).toEqual(['operator.created']);
  });

  test.each([
    ['nothing', {}, 422],
    ['a user name', { username: 'other' }, 422],
    ['a short password', { password: 'short' }, 422],
  ])('refuses %s', async (_, change, status) => {
    const answer = await admin.call('PATCH', `/operators/${await adminId()}`, change);
    expect(problemOf(answer).status).toBe(status);
  });

  test('requires the admin role and an existing operator', async () => {
    expect((await viewer.call('PATCH', `/operators/${await adminId()}`, { role: 'viewer' })).status).toBe(
      403,
    );
    expect((await admin.call('PATCH', `/operators/${randomUUID()}`, { role: 'viewer' })).status).toBe(404);
  });

  test('an administrator changes their own password with the current one only', async () => {
    const answer = await admin.call('PATCH', `/operators/${await adminId()}`, {
      password: 'something new now',
    });
    expect(problemOf(answer).status).toBe(409);
  });
});

describe('DELETE /operators/{id}', () => {
  test('removes the operator, their sessions and their API keys', async () => {
    const operator = await addOperator(admin, 'leaves', 'admin');
    const browser = await logIn(stack, operator);
    const key = await addApiKey(browser, { name: 'of leaves', role: 'admin' });
    const made = await call(
      stack,
      'POST',
      '/api-keys',
      { name: 'made by the key', role: 'viewer' },
      { authorization: key.authorization },
    );
    expect(made.body).toMatchObject({ createdBy: 'leaves' });
    expect((await admin.call('DELETE', `/operators/${operator.id}`)).status).toBe(204);
    expect((await browser.call('GET', '/session')).status).toBe(401);
    expect(
      (await call(stack, 'GET', '/session', undefined, { authorization: key.authorization })).status,
    ).toBe(401);
    const keys = await stack.sql`select name from api_keys where name in ('of leaves', 'made by the key')`;
    expect(keys).toHaveLength(0);
    expect((await admin.call('DELETE', `/operators/${operator.id}`)).status).toBe(404);
    expect(await actionsOn(operator.id)).toEqual(['operator.created', 'operator.deleted']);
  });

  test('requires the admin role', async () => {
    expect((await viewer.call('DELETE', `/operators/${await adminId()}`)).status).toBe(403);
  });
});

describe('the last administrator', () => {
  test('cannot be removed or demoted', async () => {
    await stack.sql`delete from operators where role = 'admin' and username <> 'admin'`;
    const path = `/operators/${await adminId()}`;
    expect(problemOf(await admin.call('DELETE', path)).status).toBe(409);
    expect(problemOf(await admin.call('PATCH', path, { role: 'viewer' })).status).toBe(409);
    expect((await admin.call('GET', '/session')).body).toMatchObject({ role: 'admin' });
  });

  test('remains when two administrators remove each other concurrently', async () => {
    const other = await addOperator(admin, 'second-admin', 'admin');
    const otherAdmin = await logIn(stack, other);
    const statuses = await Promise.all([
      admin.call('PATCH', `/operators/${other.id}`, { role: 'viewer' }),
      otherAdmin.call('PATCH', `/operators/${await adminId()}`, { role: 'viewer' }),
    ]);
    expect(statuses.map(({ status }) => status)).toContain(200);
    expect(await stack.sql`select id from operators where role = 'admin'`).toHaveLength(1);
  });
});
