import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { deviceKey } from '../src/platform/secrets.ts';
import { standingClock } from './clocks.ts';
import {
  AGENT_SECRET,
  callDevice,
  type DeviceAnswer,
  MASTER_SECRET,
  registerDevice,
  type Stack,
  startStack,
  tokenPath,
} from './harness.ts';

const MINUTE_MS = 60_000;
const WRONG = 'some-wrong-secret-0000';

let clock: ReturnType<typeof standingClock>;
let stack: Stack;

/** Starts the server with fresh counters. */
function limited(env: Readonly<Record<string, string>>) {
  return () => stack.startServer({ ...DEFAULTS, ...env });
}

const DEFAULTS = {
  RATE_LIMIT_DEVICE: '',
  RATE_LIMIT_FAILED: '',
  RATE_LIMIT_ADDRESS: '',
  TRUST_PROXY_HOPS: '',
};

function request(uuid: string, credential: string, from?: string): Promise<DeviceAnswer> {
  return callDevice(
    stack.url,
    tokenPath(uuid),
    credential,
    from === undefined ? {} : { 'x-forwarded-for': from },
  );
}

function many(count: number, call: () => Promise<DeviceAnswer>): Promise<DeviceAnswer[]> {
  return Promise.all(Array.from({ length: count }, call));
}

function statuses(answers: readonly DeviceAnswer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

beforeAll(async () => {
  clock = standingClock();
  stack = await startStack({ broker: false, clock });
}, 60_000);
afterAll(() => stack.close());

describe('the limit of a device', () => {
  beforeAll(limited({ RATE_LIMIT_DEVICE: '5' }));

  test('refuses requests above it for the rest of the minute, by each credential', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    const credentials = [token, AGENT_SECRET, deviceKey(AGENT_SECRET, uuid)];
    const used = [0, 0, 1];
    for (const [at, credential] of credentials.entries()) {
      for (let count = used[at] ?? 0; count < 5; count++) {
        expect((await request(uuid, credential)).status).toBe(200);
      }
    }
    clock.shift(20_000);
    for (const credential of credentials) {
      const answer = await request(uuid, credential);
      expect(answer).toMatchObject({ status: 429, c: 'ERROR', r: 'rate_limited' });
      expect(Number(answer.headers.get('retry-after'))).toBeWithin(40, 61);
      expect(answer.headers.get('ratelimit-limit')).toBe('5');
      expect(answer.headers.get('ratelimit-remaining')).toBe('0');
      expect(answer.headers.get('ratelimit-policy')).toBe('5;w=60');
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
    clock.shift(40_000);
    expect((await request(uuid, token)).status).toBe(200);
  });

  test('is its own: another device goes on', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    expect(statuses(await many(10, () => request(uuid, token)))).toEqual({ 200: 5, 429: 5 });
    expect((await request(randomUUID(), AGENT_SECRET)).status).toBe(200);
  });

  test('cannot be used up without a valid credential for the device', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    const other = await registerDevice(stack.url);
    expect(statuses(await many(20, () => request(uuid, WRONG)))).toEqual({ 401: 20 });
    // The limit of the bearer of another device's token is that device's own.
    expect(statuses(await many(10, () => request(uuid, other.token)))).toEqual({ 403: 5, 429: 5 });
    expect((await request(uuid, token)).status).toBe(200);
  });

  test('spreads Retry-After, so that those refused together do not come back together', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    const answers = await many(40, () => request(uuid, token));
    const waits = answers
      .filter(({ status }) => status === 429)
      .map(({ headers }) => Number(headers.get('retry-after')));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(60);
    expect(Math.max(...waits)).toBeLessThanOrEqual(90);
    expect(new Set(waits).size).toBeGreaterThan(5);
  });
});

describe('the limit of a device and what is not its own credential', () => {
  beforeAll(limited({ RATE_LIMIT_DEVICE: '5', RATE_LIMIT_FAILED: '1000' }));

  test('a secret of the other role does not use it up', async () => {
    const { uuid, token } = await registerDevice(stack.url, 'master');
    expect(statuses(await many(31, () => request(uuid, AGENT_SECRET)))).toEqual({ 403: 5, 429: 26 });
    for (const credential of [token, deviceKey(MASTER_SECRET, uuid), MASTER_SECRET]) {
      expect((await request(uuid, credential)).status).toBe(200);
    }
  });

  test('a token of an older generation does not use up that of the current one', async () => {
    const old = await registerDevice(stack.url);
    await stack.sql`update devices set generation = 2 where id = ${old.uuid}`;
    const { uuid, token } = await registerDevice(stack.url, 'agent', old.uuid);
    expect(statuses(await many(31, () => request(uuid, old.token)))).toEqual({ 401: 5, 429: 26 });
    expect((await request(uuid, token)).status).toBe(200);
  });

  test('a key that was replaced does not use up that of the current one', async () => {
    const { uuid } = await registerDevice(stack.url);
    await stack.sql`update devices set key_number = 2 where id = ${uuid}`;
    for (const number of [0, 1]) {
      const answers = await many(31, () => request(uuid, deviceKey(AGENT_SECRET, uuid, number)));
      expect(new Set(answers.map(({ r }) => r))).toEqual(
        new Set(number === 0 ? ['superseded', 'rate_limited'] : ['superseded']),
      );
    }
    expect((await request(uuid, deviceKey(AGENT_SECRET, uuid, 2))).status).toBe(200);
  });
});

describe('the limit of failed credentials', () => {
  beforeAll(limited({ RATE_LIMIT_FAILED: '5', TRUST_PROXY_HOPS: '1' }));

  test('refuses bad credentials of an address for ten minutes, and no good one', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    const master = await registerDevice(stack.url, 'master');
    for (let failed = 0; failed < 5; failed++) {
      expect((await request(uuid, WRONG, '203.0.113.1')).status).toBe(401);
    }
    const refused = await request(uuid, WRONG, '203.0.113.1');
    expect(refused).toMatchObject({ status: 429, c: 'ERROR', r: 'rate_limited' });
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(600, 901);
    expect(refused.headers.get('ratelimit-limit')).toBe('5');
    for (const credential of [token, deviceKey(AGENT_SECRET, uuid), AGENT_SECRET]) {
      expect((await request(uuid, credential, '203.0.113.1')).status).toBe(200);
    }
    const from = { 'x-forwarded-for': '203.0.113.1' };
    expect((await callDevice(stack.url, '/mqtt', token, from)).status).toBe(200);
    expect((await callDevice(stack.url, '/devices/agents', master.token, from)).status).toBe(200);
    expect((await request(uuid, WRONG, '203.0.113.2')).status).toBe(401);
    clock.shift(10 * MINUTE_MS);
    expect((await request(uuid, WRONG, '203.0.113.1')).status).toBe(401);
  });

  test('counts guesses on all routes of devices together', async () => {
    const from = { 'x-forwarded-for': '203.0.113.3' };
    for (const path of ['/mqtt', '/devices/agents', '/mqtt', tokenPath(randomUUID()), '/devices/agents']) {
      expect((await callDevice(stack.url, path, WRONG, from)).status).toBe(401);
    }
    for (const path of ['/mqtt', '/devices/agents', tokenPath(randomUUID())]) {
      expect((await callDevice(stack.url, path, WRONG, from)).status).toBe(429);
    }
  });

  test('is not exceeded by sending guesses at once', async () => {
    const answers = await many(40, () => request(randomUUID(), WRONG, '203.0.113.8'));
    expect(statuses(answers)).toEqual({ 401: 5, 429: 35 });
  });

  test('does not count what is no guess: a missing credential, a bad request, an expired or superseded token', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    const from = { 'x-forwarded-for': '203.0.113.4' };
    await stack.sql`update devices set generation = 2 where id = ${uuid}`;
    const old = await registerDevice(stack.url);
    clock.shift(15 * 24 * 60 * MINUTE_MS);
    for (let again = 0; again < 4; again++) {
      expect((await callDevice(stack.url, tokenPath(uuid), undefined, from)).r).toBe('no_credential');
      expect((await callDevice(stack.url, '/auth/devices/request', AGENT_SECRET, from)).r).toBe(
        'bad_request',
      );
      expect((await callDevice(stack.url, tokenPath(old.uuid), old.token, from)).r).toBe('expired');
      expect((await callDevice(stack.url, '/mqtt', token, from)).r).toBe('expired');
    }
    expect((await request(uuid, WRONG, '203.0.113.4')).status).toBe(401);
  }, 60_000);

  test('is not affected by a burst of 500 valid requests', async () => {
    const answers = await many(500, () => request(randomUUID(), AGENT_SECRET, '203.0.113.5'));
    expect(statuses(answers)).toEqual({ 200: 500 });
  }, 30_000);
});

describe('the overall limit of an address', () => {
  beforeAll(limited({ RATE_LIMIT_ADDRESS: '20', TRUST_PROXY_HOPS: '1' }));

  test('applies to every path except health, and resets after a minute', async () => {
    const from = { 'x-forwarded-for': '203.0.113.6' };
    const mixed = ['/nothing', '/mqtt', tokenPath('x'), '/auth'];
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) =>
        callDevice(stack.url, mixed[index % 4] ?? '/', undefined, from),
      ),
    );
    expect(statuses(answers)[429]).toBe(4);
    expect((await fetch(`${stack.url}/health/live`, { headers: from })).status).toBe(200);
    expect((await request(randomUUID(), AGENT_SECRET, '203.0.113.7')).status).toBe(200);
    clock.shift(MINUTE_MS);
    expect((await request(randomUUID(), AGENT_SECRET, '203.0.113.6')).status).toBe(200);
  });

  test('used up by others does not keep out devices with a good credential, which have as much again', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    await stack.sql`update devices set key_number = 1 where id = ${uuid}`;
    const from = { 'x-forwarded-for': '203.0.113.9' };
    expect(statuses(await many(30, () => request(uuid, WRONG, '203.0.113.9')))).toEqual({ 401: 20, 429: 10 });
    for (const credential of [token, deviceKey(AGENT_SECRET, uuid, 1), AGENT_SECRET]) {
      expect((await request(uuid, credential, '203.0.113.9')).status).toBe(200);
    }
    expect((await callDevice(stack.url, '/mqtt', token, from)).status).toBe(200);
    const answers = await many(30, () => callDevice(stack.url, '/mqtt', token, from));
    expect(statuses(answers)).toEqual({ 200: 16, 429: 14 });
    expect((await request(uuid, deviceKey(AGENT_SECRET, uuid, 0), '203.0.113.9')).status).toBe(429);
  });
});

test('500 devices behind one address restart within the default limits, each with two requests and a retry', async () => {
  await stack.startServer(DEFAULTS);
  const uuids = Array.from({ length: 500 }, () => randomUUID());
  await stack.sql`insert into devices (id, role, state, created_at)
    select id, 'agent', 'active', now() from unnest(${uuids}::uuid[]) as id`;
  const outcomes = await Promise.all(
    uuids.map(async (uuid) => {
      const first = await request(uuid, AGENT_SECRET);
      const again = await request(uuid, AGENT_SECRET);
      const gateway = await callDevice(stack.url, '/mqtt', first.t);
      return [first.status, again.status, gateway.status];
    }),
  );
  expect(new Set(outcomes.flat())).toEqual(new Set([200]));
}, 30_000);
