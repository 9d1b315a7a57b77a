import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, spyOn, test } from 'bun:test';
import { type Stack, startStack } from './harness.ts';
import {
  ADMIN_ENV,
  type Answer,
  addApiKey,
  addOperator,
  type Browser,
  call,
  logIn,
  problemOf,
} from './operators.ts';

// Every step hashes a password, and the machine may be busy.
setDefaultTimeout(60_000);

const NEW_PASSWORD = 'chosen in the meantime';

let stack: Stack;
let admin: Browser;

beforeAll(async () => {
  stack = await startStack({ broker: false, env: ADMIN_ENV });
  admin = await logIn(stack);
}, 60_000);
afterAll(() => stack.close());

const restore: (() => void)[] = [];
afterEach(() => {
  for (const undo of restore.splice(0)) undo();
});

/** Does `meanwhile` once the password of `request` was compared, and before anything comes of it. */
async function between(request: () => Promise<Answer>, meanwhile: () => Promise<unknown>): Promise<Answer> {
  const compared = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const verify = Bun.password.verify.bind(Bun.password);
  const spy = spyOn(Bun.password, 'verify').mockImplementation(async (...args) => {
    const matches = await verify(...args);
    compared.resolve();
    await goOn.promise;
    return matches;
  });
  restore.push(() => spy.mockRestore());
  const answer = request();
  await compared.promise;
  try {
    await meanwhile();
  } finally {
    goOn.resolve();
  }
  return await answer;
}

function resetPassword(id: string): Promise<Answer> {
  return admin.call('PATCH', `/operators/${id}`, { password: NEW_PASSWORD });
}

test('a login with a password that is replaced while it is compared does not succeed', async () => {
  const { id, ...account } = await addOperator(admin, 'late-login', 'viewer');
  const answer = await between(
    () => call(stack, 'POST', '/session', account),
    async () => expect((await resetPassword(id)).status).toBe(200),
  );
  expect(problemOf(answer)).toMatchObject({ status: 401, type: '/problems/unauthenticated' });
  expect(await stack.sql`select 1 from operator_sessions where operator_id = ${id}`).toHaveLength(0);
  expect(answer.headers.getSetCookie()).toEqual([]);
});

test('a login of an operator who is removed meanwhile is 401', async () => {
  const { id, ...account } = await addOperator(admin, 'removed-login', 'viewer');
  const answer = await between(
    () => call(stack, 'POST', '/session', account),
    async () => expect((await admin.call('DELETE', `/operators/${id}`)).status).toBe(204),
  );
  expect(problemOf(answer)).toMatchObject({ status: 401, type: '/problems/unauthenticated' });
});

test('a password is not changed by the holder of one that is replaced meanwhile', async () => {
  const { id, ...account } = await addOperator(admin, 'late-change', 'viewer');
  const browser = await logIn(stack, account);
  const change = { currentPassword: account.password, newPassword: 'of the one who was late' };
  const answer = await between(
    () => browser.call('PUT', '/session/password', change),
    () => resetPassword(id),
  );
  expect(problemOf(answer).status).toBe(401);
  await logIn(stack, { username: account.username, password: NEW_PASSWORD });
});

test('of two changes at once of one password, one succeeds', async () => {
  const { id: _, ...account } = await addOperator(admin, 'two-changes', 'viewer');
  const browser = await logIn(stack, account);
  const change = (newPassword: string) =>
    browser.call('PUT', '/session/password', { currentPassword: account.password, newPassword });
  const first = 'the first new password';
  const second = await between(
    () => change('the second new password'),
    async () => {
      for (const undo of restore.splice(0)) undo();
      expect((await change(first)).status).toBe(204);
    },
  );
  expect(problemOf(second)).toMatchObject({ status: 422, errors: [{ field: '/currentPassword' }] });
  await logIn(stack, { username: account.username, password: first });
});

test('an ended session changes no password', async () => {
  const { id, ...account } = await addOperator(admin, 'ended-session', 'viewer');
  const browser = await logIn(stack, account);
  const answer = await between(
    () =>
      browser.call('PUT', '/session/password', {
        currentPassword: account.password,
        newPassword: NEW_PASSWORD,
      }),
    () => admin.call('DELETE', `/operators/${id}/sessions`),
  );
  expect(problemOf(answer).status).toBe(401);
  await logIn(stack, account);
});

test('changing the password of an operator who is removed meanwhile is 401', async () => {
  const { id, ...account } = await addOperator(admin, 'removed-change', 'viewer');
  const browser = await logIn(stack, account);
  const answer = await between(
    () =>
      browser.call('PUT', '/session/password', {
        currentPassword: account.password,
        newPassword: NEW_PASSWORD,
      }),
    () => admin.call('DELETE', `/operators/${id}`),
  );
  expect(problemOf(answer).status).toBe(401);
});

test('an API key does not replace the password of the operator who created it', async () => {
  const { id, ...account } = await addOperator(admin, 'own-key', 'admin');
  const browser = await logIn(stack, account);
  const { authorization } = await addApiKey(browser, { name: 'of own-key', role: 'admin' });
  const reset = { password: NEW_PASSWORD };
  const byKey = await call(stack, 'PATCH', `/operators/${id}`, reset, { authorization });
  expect(problemOf(byKey)).toMatchObject({ status: 409, type: '/problems/conflict' });
  expect(problemOf(await browser.call('PATCH', `/operators/${id}`, reset)).status).toBe(409);
  await logIn(stack, account);
  expect((await resetPassword(id)).status).toBe(200);
});
