import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startServer } from '../dev/stack.ts';
import { createTestDatabase, type Stack, startStack, type TestDatabase } from './harness.ts';
import { recordingLog, silentLog, WARN } from './logs.ts';
import { ADMIN, ADMIN_ENV, logIn } from './operators.ts';

let database: TestDatabase;
let stack: Stack;
const log = recordingLog();

beforeAll(async () => {
  database = await createTestDatabase();
  stack = await startStack({ broker: false, database, log: log.log });
}, 60_000);
afterAll(async () => {
  await stack.close();
  await database.close();
});

test('a server without operators and without the settings logs a warning', async () => {
  const warnings = log.lines.filter(({ level, msg }) => level === WARN && msg.includes('no operators'));
  expect(warnings.map(({ msg }) => msg)).toEqual([
    '[Operators] no operators: set ADMIN_USERNAME and ADMIN_PASSWORD to create the first administrator',
  ]);
});

test('instances that start together create one administrator', async () => {
  await stack.stopServer();
  const started = await Promise.all(
    ['admin-a', 'admin-b', 'admin-c'].map((username, at) =>
      startServer(
        { ...stack.env, PORT: '0', INSTANCE_ID: `i${at}`, ...ADMIN_ENV, ADMIN_USERNAME: username },
        { log: silentLog() },
      ),
    ),
  );
  await Promise.all(started.map((services) => services.started));
  await Promise.all(started.map((services) => services.close()));
  expect(await stack.sql`select role from operators`).toEqual([{ role: 'admin' }] as never);
  const audit =
    await stack.sql`select actor_kind, actor, action from audit_log where action = 'operator.created'`;
  expect(audit).toEqual([
    { actor_kind: 'system', actor: 'first start', action: 'operator.created' },
  ] as never);
}, 30_000);

test('the settings create and change no administrator once there is an operator', async () => {
  await stack.sql`delete from operators`;
  await stack.startServer(ADMIN_ENV);
  await logIn(stack);
  await stack.startServer({ ADMIN_USERNAME: 'other', ADMIN_PASSWORD: 'another long password' });
  await stack.startServer({ ADMIN_USERNAME: ADMIN.username, ADMIN_PASSWORD: 'another long password' });
  expect(await stack.sql`select username from operators`).toEqual([{ username: 'admin' }] as never);
  await logIn(stack);
});

test('the password does not appear in the log', () => {
  expect(log.text()).toContain('first administrator created');
  expect(log.text()).not.toContain(ADMIN.password);
});
