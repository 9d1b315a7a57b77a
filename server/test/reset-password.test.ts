import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { resolve } from 'node:path';
import { createTestDatabase, type Stack, startStack } from './harness.ts';
import { ADMIN_ENV, addOperator, type Browser, call, logIn } from './operators.ts';

const ADMIN_TOOL = resolve(import.meta.dir, '../src/admin.ts');
const LIMIT_MS = 60_000;

let stack: Stack;
let admin: Browser;

beforeAll(async () => {
  stack = await startStack({ broker: false, env: ADMIN_ENV });
  admin = await logIn(stack);
}, LIMIT_MS);
afterAll(() => stack.close());

/** Runs the command with the server's environment. */
async function run(
  args: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Readonly<Record<string, string>> } = {},
) {
  const child = Bun.spawn([process.execPath, '--no-env-file', ADMIN_TOOL, ...args], {
    env: { PATH: process.env.PATH, ...stack.env, ...env },
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, code };
}

const logInStatus = async (username: string, password: string) =>
  (await call(stack, 'POST', '/session', { username, password })).status;

describe('bun run admin reset-password', () => {
  test(
    'generates a password that logs in, and ends the old one and all sessions of that operator alone',
    async () => {
      const operator = await addOperator(admin, 'forgetful', 'viewer');
      const browsers = [await logIn(stack, operator), await logIn(stack, operator)];
      const { out, err, code } = await run(['reset-password', 'Forgetful']);
      expect({ err, code }).toEqual({ err: '', code: 0 });
      expect(out).toContain('sessions ended: 2');
      const password = /shown only now: (\S{24})$/m.exec(out)?.[1] ?? '';
      for (const browser of browsers) expect((await browser.call('GET', '/session')).status).toBe(401);
      expect((await admin.call('GET', '/session')).status).toBe(200);
      expect(await logInStatus('forgetful', operator.password)).toBe(401);
      expect((await logIn(stack, { ...operator, password })).call).toBeFunction();
      const audited = await admin.call('GET', `/audit?subject=${operator.id}&action=operator.password_reset`);
      expect(audited.body).toMatchObject({
        items: [{ actorKind: 'system', after: { username: 'forgetful', endedSessions: 2 } }],
      });
      expect(audited.text).not.toContain(password);
    },
    LIMIT_MS,
  );

  test(
    'takes the password from the first line of standard input, and does not print it',
    async () => {
      const operator = await addOperator(admin, 'typing', 'viewer');
      const password = 'chosen in a shell';
      const answer = await run(['reset-password', 'typing', '--password-stdin'], { input: `${password}\n` });
      expect(answer.code).toBe(0);
      expect(answer.out).not.toContain(password);
      expect((await logIn(stack, { ...operator, password })).call).toBeFunction();
    },
    LIMIT_MS,
  );

  test.each([
    ['an unknown operator', ['reset-password', 'nobody'], {}, 'There is no operator named nobody.'],
    ['a user name that none can have', ['reset-password', 'a b'], {}, 'The user name must be letters'],
    [
      'a short password',
      ['reset-password', 'admin', '--password-stdin'],
      { input: 'short\n' },
      'The password must be at least 12 characters long.',
    ],
    [
      'no input',
      ['reset-password', 'admin', '--password-stdin'],
      {},
      'The password must be at least 12 characters long.',
    ],
    ['a missing user name', ['reset-password'], {}, 'Usage:'],
    ['an unknown option', ['reset-password', 'admin', '--stdin'], {}, 'Usage:'],
    [
      'a missing variable',
      ['reset-password', 'admin'],
      { env: { DATABASE_URL: '' } },
      'DATABASE_URL is required',
    ],
    [
      'a database that is away',
      ['reset-password', 'admin'],
      { env: { DATABASE_URL: 'postgres://user:secret@127.0.0.1:1/none' } },
      'DATABASE_URL: the database cannot be reached',
    ],
  ] as const)(
    'refuses %s with a reason and exit code 1, and changes nothing',
    async (_, args, options, reason) => {
      const before = await stack.sql`select id, password_hash from operators order by id`;
      const { out, err, code } = await run(args, options);
      expect(err).toContain(reason);
      expect(err).not.toContain('secret@');
      expect({ out, code }).toEqual({ out: '', code: 1 });
      expect([...(await stack.sql`select id, password_hash from operators order by id`)]).toEqual([
        ...before,
      ]);
    },
    LIMIT_MS,
  );

  test(
    'says that a database is not that of the server',
    async () => {
      const empty = await createTestDatabase();
      const { err, code } = await run(['reset-password', 'admin'], { env: { DATABASE_URL: empty.url } });
      await empty.close();
      expect(code).toBe(1);
      expect(err).toContain('DATABASE_URL: the database has no tables of this server');
    },
    LIMIT_MS,
  );
});
