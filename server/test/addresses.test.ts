import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { AGENT_SECRET, callDevice, type Stack, startStack, tokenPath } from './harness.ts';

const LIMIT = 3;
const WRONG = 'some-wrong-secret-0000';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ broker: false, env: { RATE_LIMIT_FAILED: String(LIMIT) } });
}, 60_000);
afterAll(() => stack.close());

/** Has every one of these headers fail once more than an address may, and tells which statuses came last. */
async function lastStatuses(forwarded: (attempt: number) => string | undefined): Promise<number> {
  let last = 0;
  for (let attempt = 0; attempt <= LIMIT; attempt++) {
    const header = forwarded(attempt);
    const headers = header === undefined ? {} : { 'x-forwarded-for': header };
    last = (await callDevice(stack.url, tokenPath(randomUUID()), WRONG, headers)).status;
  }
  return last;
}

const random = () =>
  `198.51.100.${Math.floor(Math.random() * 200)}, 192.0.2.${Math.floor(Math.random() * 200)}`;

describe('TRUST_PROXY_HOPS=0', () => {
  beforeAll(() => stack.startServer({ TRUST_PROXY_HOPS: '0' }));

  test('a client cannot escape its limit by an X-Forwarded-For of its own', async () => {
    expect(await lastStatuses(random)).toBe(429);
    // A good credential is never refused because of bad ones from its address.
    expect((await callDevice(stack.url, tokenPath(randomUUID()), AGENT_SECRET)).status).toBe(200);
  });
});

describe('TRUST_PROXY_HOPS=1', () => {
  beforeAll(() => stack.startServer({ TRUST_PROXY_HOPS: '1' }));

  test('the entry that the proxy added counts, whatever the client wrote before it', async () => {
    expect(await lastStatuses((attempt) => `198.51.100.${attempt}, 203.0.113.1`)).toBe(429);
  });

  test('clients behind the proxy have limits of their own', async () => {
    expect(await lastStatuses((attempt) => `203.0.113.${100 + attempt}`)).toBe(401);
  });

  test('a client cannot lock another out by naming its address', async () => {
    await lastStatuses(() => '203.0.113.50, 203.0.113.2');
    const victim = { 'x-forwarded-for': '203.0.113.50' };
    expect((await callDevice(stack.url, tokenPath(randomUUID()), AGENT_SECRET, victim)).status).toBe(200);
  });

  test('an IPv6 subscriber cannot escape within its /64, and the next /64 is another', async () => {
    expect(await lastStatuses((attempt) => `2001:db8:1:2::${attempt + 1}`)).toBe(429);
    const neighbour = { 'x-forwarded-for': '2001:db8:1:3::1' };
    expect((await callDevice(stack.url, tokenPath(randomUUID()), AGENT_SECRET, neighbour)).status).toBe(200);
  });

  test('IPv4 in IPv6 form is the same address', async () => {
    expect(await lastStatuses((attempt) => (attempt % 2 ? '::ffff:203.0.113.3' : '203.0.113.3'))).toBe(429);
  });

  test('without the header the peer itself counts', async () => {
    expect(await lastStatuses(() => undefined)).toBe(429);
  });
});

describe('TRUST_PROXY_HOPS=2', () => {
  beforeAll(() => stack.startServer({ TRUST_PROXY_HOPS: '2' }));

  test('the second entry from the right counts', async () => {
    expect(await lastStatuses((attempt) => `198.51.100.${attempt}, 203.0.113.1, 10.0.0.${attempt}`)).toBe(
      429,
    );
    expect(await lastStatuses((attempt) => `203.0.113.${10 + attempt}, 10.0.0.1`)).toBe(401);
  });

  test('a request that did not pass both proxies counts for its peer', async () => {
    expect(await lastStatuses((attempt) => `203.0.113.${20 + attempt}`)).toBe(429);
  });
});
