import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { startServer } from '../dev/stack.ts';
import type { Services } from '../src/server.ts';
import { manualClock } from './clocks.ts';
import { AGENT_SECRET, callDevice, registerDevice, type Stack, startStack, tokenPath } from './harness.ts';
import { silentLog } from './logs.ts';

const LIMIT = 6;
const HOUR_MS = 3_600_000;
const clock = manualClock(1_795_440_000_000 - (1_795_440_000_000 % HOUR_MS));

let stack: Stack;
let second: Services;

beforeAll(async () => {
  stack = await startStack({ broker: false, clock, env: { REGISTRATIONS_PER_HOUR: String(LIMIT) } });
  const env = { ...stack.env, PORT: '0', INSTANCE_ID: 'second' };
  second = await startServer(env, { clock, log: silentLog() });
  await second.started;
}, 60_000);
afterAll(async () => {
  await second.close();
  await stack.close();
});

function request(url: string, uuid: string = randomUUID()) {
  return callDevice(url, tokenPath(uuid), AGENT_SECRET);
}

describe('the registrations of an hour', () => {
  test('are limited across all instances, and start again with the next hour', async () => {
    const known = await registerDevice(stack.url);
    const urls = Array.from({ length: 4 * LIMIT }, (_, index) => (index % 2 ? stack.url : second.url));
    const answers = await Promise.all(urls.map((url) => request(url)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(LIMIT - 1);
    const [{ count } = { count: 0 }] = await stack.sql`select count(*)::int from devices`;
    expect(count).toBe(LIMIT);

    clock.advance(HOUR_MS / 2);
    const refused = await request(second.url);
    expect(refused).toMatchObject({ status: 429, c: 'ERROR', r: 'rate_limited' });
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1_800, 2_701);
    expect(refused.headers.get('ratelimit-policy')).toBe(`${LIMIT};w=3600`);
    expect(refused.headers.get('ratelimit-limit')).toBe(String(LIMIT));
    expect(refused.headers.get('ratelimit-remaining')).toBe('0');
    expect(refused.headers.get('ratelimit-reset')).toBe('1800');

    expect((await request(second.url, known.uuid)).status).toBe(200);
    clock.advance(HOUR_MS / 2 - 1);
    expect((await request(stack.url)).status).toBe(429);
    clock.advance(1);
    const next = await Promise.all(urls.map((url) => request(url)));
    expect(next.filter(({ status }) => status === 200)).toHaveLength(LIMIT);
  });

  test('are not used up by bad credentials, known devices or refused roles', async () => {
    clock.advance(HOUR_MS);
    const known = await registerDevice(stack.url);
    for (let again = 0; again < 2 * LIMIT; again++) {
      await callDevice(stack.url, tokenPath(randomUUID()), 'some-wrong-secret');
      await request(stack.url, known.uuid);
    }
    for (let left = LIMIT - 1; left > 0; left--) expect((await request(stack.url)).status).toBe(200);
    expect((await request(stack.url)).status).toBe(429);
  });

  test('an instance whose clock is behind does not reset the limit', async () => {
    clock.advance(HOUR_MS);
    const late = manualClock(clock.now() - HOUR_MS);
    const behind = await startServer({ ...stack.env, PORT: '0' }, { clock: late, log: silentLog() });
    try {
      await behind.started;
      for (let used = 0; used < LIMIT; used++) expect((await request(stack.url)).status).toBe(200);
      expect((await request(behind.url)).status).toBe(429);
      expect((await request(stack.url)).status).toBe(429);
    } finally {
      await behind.close();
    }
  });
});
