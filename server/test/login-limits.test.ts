import { afterAll, beforeEach, describe, expect, setDefaultTimeout, spyOn, test } from 'bun:test';
import { standingClock } from './clocks.ts';
import { type Stack, startStack } from './harness.ts';
import { recordingLog } from './logs.ts';
import {
  ADMIN,
  ADMIN_ENV,
  type Answer,
  addOperator,
  call,
  logIn,
  openBrowser,
  problemOf,
} from './operators.ts';

const clock = standingClock();
const log = recordingLog();
const WINDOW_MS = 15 * 60_000;
// Each attempt hashes a password, and the machine may be busy.
setDefaultTimeout(60_000);
let stack: Stack;

/** Every test has limits of its own: they are counted in the process. */
beforeEach(async () => {
  if (stack) await stack.startServer();
  else {
    stack = await startStack({
      broker: false,
      clock,
      log: log.log,
      env: { ...ADMIN_ENV, TRUST_PROXY_HOPS: '1', RATE_LIMIT_ADDRESS: '100000' },
    });
  }
}, 60_000);
afterAll(() => stack.close());

/** An attempt from an address; without a password it is a wrong one. */
function attempt(
  address: string,
  username: string = ADMIN.username,
  password = 'wrong password',
): Promise<Answer> {
  return call(stack, 'POST', '/session', { username, password }, { 'x-forwarded-for': address });
}

function limitOf({ headers }: Answer) {
  const [policy, limit, remaining, reset] = ['policy', 'limit', 'remaining', 'reset'].map((name) =>
    headers.get(`ratelimit-${name}`),
  );
  return { policy, limit, remaining, reset };
}

async function statuses(
  count: number,
  address: (at: number) => string,
  username?: string,
): Promise<number[]> {
  const found: number[] = [];
  for (let at = 0; at < count; at++) found.push((await attempt(address(at), username)).status);
  return found;
}

test('a wrong password and an unknown user name cost the same: both run one hash of the same parameters', async () => {
  await attempt('192.0.2.1', 'nobody');
  const verify = spyOn(Bun.password, 'verify');
  try {
    await attempt('192.0.2.1');
    await attempt('192.0.2.1', 'nobody');
    expect(verify).toHaveBeenCalledTimes(2);
    const parameters = verify.mock.calls.map(([, hash]) => String(hash).slice(0, 31));
    expect(parameters).toEqual(Array(2).fill('$argon2id$v=19$m=19456,t=2,p=1$'));
  } finally {
    verify.mockRestore();
  }
});

describe('one address', () => {
  test('has 20 attempts in 15 minutes, whichever accounts it tries', async () => {
    const found: number[] = [];
    for (let at = 0; at < 21; at++) found.push((await attempt('192.0.2.1', `user-${at}`)).status);
    expect(found).toEqual([...Array(20).fill(401), 429]);
    const refused = await attempt('192.0.2.1', ADMIN.username, ADMIN.password);
    expect(problemOf(refused)).toMatchObject({ type: '/problems/rate-limited', status: 429 });
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(900, 1_351);
    expect(limitOf(refused)).toEqual({ policy: '20;w=900', limit: '20', remaining: '0', reset: '900' });
    expect((await attempt('192.0.2.2', ADMIN.username, ADMIN.password)).status).toBe(201);
    clock.shift(WINDOW_MS);
    expect((await attempt('192.0.2.1', ADMIN.username, ADMIN.password)).status).toBe(201);
  });

  test('gets no more attempts by sending them concurrently', async () => {
    const answers = await Promise.all(Array.from({ length: 60 }, () => attempt('192.0.2.1')));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(20);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(40);
  });

  test('is a whole /64 network of IPv6', async () => {
    const found = await statuses(21, (at) => `2001:db8::${at.toString(16)}`);
    expect(found.at(-1)).toBe(429);
  });

  test('has successful logins not counted', async () => {
    for (let at = 0; at < 25; at++) {
      expect((await attempt('192.0.2.1', ADMIN.username, ADMIN.password)).status).toBe(201);
    }
  });
});

describe('one account', () => {
  test('has 50 attempts in 15 minutes, from however many addresses', async () => {
    const found = await statuses(51, (at) => `198.51.100.${at}`);
    expect(found).toEqual([...Array(50).fill(401), 429]);
    expect((await attempt('203.0.113.1', ADMIN.username, ADMIN.password)).status).toBe(429);
    clock.shift(WINDOW_MS);
    expect((await attempt('203.0.113.1', ADMIN.username, ADMIN.password)).status).toBe(201);
  });

  test('that does not exist has the same limit', async () => {
    expect(await statuses(51, (at) => `198.51.100.${at}`, 'nobody')).toEqual([...Array(50).fill(401), 429]);
  });

  test('stays open to a browser its owner logged in with, even at the address of the attacker', async () => {
    const address = { 'x-forwarded-for': '198.51.100.7' };
    const owner = await logIn(stack, ADMIN, address);
    await owner.call('DELETE', '/session');
    await statuses(60, (at) => `198.51.100.${at}`);
    await statuses(30, () => '198.51.100.7');
    expect((await attempt('198.51.100.7', ADMIN.username, ADMIN.password)).status).toBe(429);
    expect((await owner.call('POST', '/session', ADMIN)).status).toBe(201);
  });

  test('is guessed no further in such a browser than ten times', async () => {
    const browser = await logIn(stack);
    const wrong = { username: ADMIN.username, password: 'wrong password' };
    const found: number[] = [];
    for (let at = 0; at < 11; at++) found.push((await browser.call('POST', '/session', wrong)).status);
    expect(found).toEqual([...Array(10).fill(401), 429]);
    const change = { currentPassword: 'wrong password', newPassword: 'a password of many letters' };
    const guesses: Answer[] = [];
    for (let at = 0; at < 11; at++) guesses.push(await browser.call('PUT', '/session/password', change));
    expect(guesses.map(({ status }) => status)).toEqual([...Array(10).fill(422), 429]);
    for (const refused of [await browser.call('POST', '/session', wrong), ...guesses.slice(-1)]) {
      expect(limitOf(refused)).toEqual({ policy: '10;w=900', limit: '10', remaining: '0', reset: '900' });
    }
  });

  test('is not opened to strangers by the mark of another account, or by one of their making', async () => {
    const own = await logIn(stack, await addOperator(await logIn(stack), 'own-account', 'viewer'));
    await statuses(51, (at) => `198.51.100.${at}`);
    expect((await own.call('POST', '/session', ADMIN)).status).toBe(429);
    const forger = openBrowser(stack);
    const mark = own.cookies.get('siot_browser')?.split('.');
    for (const value of [`${mark?.[0]}.x`, `x.${mark?.[1]}`, 'x', '.']) {
      forger.cookies.set('siot_browser', value);
      expect((await forger.call('POST', '/session', ADMIN)).status).toBe(429);
    }
  });
});

describe('what guessing leaves in the audit log', () => {
  test('names the account where there is one, and never what was entered', async () => {
    const before = await stack.sql`select max(id) as id from audit_log`;
    await attempt('192.0.2.1');
    await attempt('192.0.2.1', 'my-secret-by-mistake');
    const entries = await stack.sql`
      select action, actor_kind, actor, address, subject, row_to_json(audit_log)::text as row from audit_log
      where id > ${before[0]?.id} order by id`;
    const [admin] = await stack.sql`select id from operators where username = 'admin'`;
    const common = { action: 'login.failed', address: '192.0.2.1', row: expect.any(String) };
    expect(entries.map((entry) => ({ ...entry }))).toEqual([
      { ...common, actor_kind: 'operator', actor: 'admin', subject: admin?.id },
      { ...common, actor_kind: 'system', actor: 'unknown', subject: null },
    ]);
    expect(entries.map(({ row }) => row).join() + log.text()).not.toContain('my-secret-by-mistake');
    expect(log.text()).not.toContain('wrong password');
  });

  test('is bounded: 500 entries an hour', async () => {
    clock.shift(3_600_000);
    await stack.sql`update quotas set used = 498, window_start = date_trunc('hour', ${new Date(clock.now()).toISOString()}::timestamptz)
      where name = 'failed logins'`;
    const count = async () => {
      const [row] =
        await stack.sql`select count(*)::int as entries from audit_log where action = 'login.failed'`;
      return row?.entries;
    };
    const before = await count();
    for (let at = 0; at < 5; at++) await attempt(`192.0.2.${at}`);
    expect(await count()).toBe(before + 2);
    clock.shift(3_600_000);
    await attempt('192.0.2.9');
    expect(await count()).toBe(before + 3);
  });
});
