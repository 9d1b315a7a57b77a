import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { deviceKey } from '../src/platform/secrets.ts';
import { manualClock } from './clocks.ts';
import {
  AGENT_SECRET,
  callDevice,
  JWT_SECRET,
  MASTER_SECRET,
  registerDevice,
  type Stack,
  startStack,
  tokenPath,
} from './harness.ts';

const clock = manualClock();
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ broker: false, clock, env: { RATE_LIMIT_FAILED: '100000' } });
}, 60_000);
afterAll(() => stack.close());

function request(uuid: string, credential?: string, headers?: Record<string, string>) {
  return callDevice(stack.url, tokenPath(uuid), credential, headers);
}

function sign(claims: Record<string, unknown>, expiresAt: number): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt(expiresAt - 60)
    .setExpirationTime(expiresAt)
    .sign(Buffer.from(JWT_SECRET));
}

const nowSeconds = () => Math.floor(clock.now() / 1000);

async function setDevice(uuid: string, change: { state?: string; generation?: number }): Promise<void> {
  await stack.sql`update devices set ${stack.sql(change)} where id = ${uuid}`;
}

describe('GET /auth/devices/request', () => {
  test('registers an unknown device with a role secret and answers a token under 400 characters', async () => {
    const uuid = randomUUID();
    const answer = await request(uuid, AGENT_SECRET);
    expect(answer).toMatchObject({ status: 200, c: 'OK', u: `${uuid}.1`, x: 1_209_600, n: nowSeconds() });
    expect(answer.t?.length).toBeLessThan(400);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const [row] = await stack.sql`select role, state, generation from devices where id = ${uuid}`;
    expect(row).toEqual({ role: 'agent', state: 'active', generation: 1 });
  });

  test('accepts the device key of the UUID, in either case', async () => {
    const uuid = randomUUID();
    const answer = await request(uuid.toUpperCase(), deviceKey(MASTER_SECRET, uuid));
    expect(answer).toMatchObject({ status: 200, u: `${uuid}.1` });
    const [row] = await stack.sql`select role from devices where id = ${uuid}`;
    expect(row?.role).toBe('master');
  });

  test('renews a token with that token', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    clock.advance(5_000);
    const answer = await request(uuid, token);
    expect(answer).toMatchObject({ status: 200, u: `${uuid}.1`, n: nowSeconds() });
    expect(answer.t).not.toBe(token);
  });

  test('refuses the device key of another UUID', async () => {
    expect(await request(randomUUID(), deviceKey(AGENT_SECRET, randomUUID()))).toMatchObject({
      status: 401,
      c: 'FORBIDDEN',
      r: 'bad_credential',
    });
  });

  test.each([
    ['no Authorization header', undefined, 'no_credential'],
    ['an empty bearer', 'Bearer ', 'no_credential'],
    ['another scheme', `Basic ${btoa('a:b')}`, 'bad_credential'],
    ['two words behind Bearer', `Bearer ${AGENT_SECRET} x`, 'bad_credential'],
    ['an unknown secret', 'Bearer unknown-secret-unknown', 'bad_credential'],
    ['a very long credential', `Bearer ${'x'.repeat(5_000)}`, 'bad_credential'],
  ])('answers 401 to %s', async (_, authorization, reason) => {
    const answer = await request(
      randomUUID(),
      undefined,
      authorization === undefined ? {} : { authorization },
    );
    expect(answer).toMatchObject({ status: 401, c: 'FORBIDDEN', r: reason });
    expect(answer.m).toBeString();
  });

  test('accepts "bearer" in any case', async () => {
    const answer = await request(randomUUID(), undefined, { authorization: `bEARER ${AGENT_SECRET}` });
    expect(answer.status).toBe(200);
  });

  test.each([
    ['no uuid', '/auth/devices/request'],
    ['an empty uuid', '/auth/devices/request?uuid='],
    ['no UUID at all', tokenPath('device-1')],
    ['braces', tokenPath('%7Bd83f3248-cc83-46fb-bceb-891db3a79cce%7D')],
    ['no dashes', tokenPath('d83f3248cc8346fbbceb891db3a79cce')],
    ['the nil UUID', tokenPath('00000000-0000-0000-0000-000000000000')],
    ['the max UUID', tokenPath('FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF')],
    ['two of them', `${tokenPath(randomUUID())}&uuid=${randomUUID()}`],
    ['a line break', tokenPath(`${randomUUID()}%0A`)],
    ['a NUL', tokenPath(`${randomUUID()}%00`)],
    ['SQL', tokenPath("'%20or%201=1--")],
  ])('answers 400 to %s', async (_, path) => {
    const answer = await callDevice(stack.url, path, AGENT_SECRET);
    expect(answer).toMatchObject({ status: 400, c: 'ERROR', r: 'bad_request' });
  });

  test('refuses an expired token with 401 expired', async () => {
    const { uuid } = await registerDevice(stack.url);
    const token = await sign({ sub: uuid, username: `${uuid}.1`, role: 'agent' }, nowSeconds());
    expect(await request(uuid, token)).toMatchObject({ status: 401, c: 'FORBIDDEN', r: 'expired' });
  });

  test('refuses a token of an older generation with 401 superseded', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    await setDevice(uuid, { generation: 2 });
    expect(await request(uuid, token)).toMatchObject({ status: 401, c: 'FORBIDDEN', r: 'superseded' });
    expect(await request(uuid, AGENT_SECRET)).toMatchObject({ status: 200, u: `${uuid}.2` });
  });

  test('refuses a token of a device that no longer exists, and registers nothing', async () => {
    const uuid = randomUUID();
    const token = await sign({ sub: uuid, username: `${uuid}.1`, role: 'agent' }, nowSeconds() + 60);
    expect(await request(uuid, token)).toMatchObject({ status: 401, r: 'superseded' });
    expect(await stack.sql`select id from devices where id = ${uuid}`).toHaveLength(0);
  });

  test('refuses the token of another device with 403 wrong_device', async () => {
    const { token } = await registerDevice(stack.url);
    const other = await registerDevice(stack.url);
    expect(await request(other.uuid, token)).toMatchObject({
      status: 403,
      c: 'FORBIDDEN',
      r: 'wrong_device',
    });
  });

  test('refuses a revoked device with 403, with any valid credential', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    await setDevice(uuid, { state: 'revoked' });
    for (const credential of [token, AGENT_SECRET, deviceKey(AGENT_SECRET, uuid)]) {
      expect(await request(uuid, credential)).toMatchObject({ status: 403, c: 'FORBIDDEN', r: 'revoked' });
    }
  });

  test('refuses a known device in another role with 403 wrong_role, and keeps its role', async () => {
    const { uuid } = await registerDevice(stack.url, 'agent');
    for (const credential of [MASTER_SECRET, deviceKey(MASTER_SECRET, uuid)]) {
      expect(await request(uuid, credential)).toMatchObject({ status: 403, c: 'FORBIDDEN', r: 'wrong_role' });
    }
    const [row] = await stack.sql`select role from devices where id = ${uuid}`;
    expect(row?.role).toBe('agent');
  });

  test('reveals nothing about a device without a valid credential for it', async () => {
    const { uuid } = await registerDevice(stack.url);
    const before = await request(uuid, 'some-wrong-secret-0000');
    await setDevice(uuid, { state: 'revoked' });
    const after = await request(uuid, 'some-wrong-secret-0000');
    const unknown = await request(randomUUID(), 'some-wrong-secret-0000');
    expect([after.r, after.m]).toEqual([before.r, before.m]);
    expect([unknown.r, unknown.m]).toEqual([before.r, before.m]);
  });

  test('a server token is refused', async () => {
    const token = await sign({ sub: 'server-test', username: 'server-test', acl: [] }, nowSeconds() + 60);
    expect(await callDevice(stack.url, '/mqtt', token)).toMatchObject({ status: 401, r: 'bad_credential' });
    expect(await request(randomUUID(), token)).toMatchObject({ status: 401, r: 'bad_credential' });
  });

  test('a token with an acl claim or superuser right is refused', async () => {
    const { uuid } = await registerDevice(stack.url);
    for (const extra of [{ acl: [] }, { is_superuser: true }]) {
      const token = await sign(
        { sub: uuid, username: `${uuid}.1`, role: 'agent', ...extra },
        nowSeconds() + 60,
      );
      expect(await request(uuid, token)).toMatchObject({ status: 401, r: 'bad_credential' });
    }
  });
});

describe('GET /mqtt', () => {
  test('answers the address of the broker to the bearer of a token', async () => {
    const { token } = await registerDevice(stack.url);
    const answer = await callDevice(stack.url, '/mqtt', token);
    expect(answer).toMatchObject({ status: 200, c: 'OK', ip: stack.env.MQTT_HOST });
    expect(answer.tls).toBeUndefined();
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('refuses role secrets and device keys', async () => {
    const { uuid } = await registerDevice(stack.url);
    for (const credential of [AGENT_SECRET, deviceKey(AGENT_SECRET, uuid)]) {
      expect(await callDevice(stack.url, '/mqtt', credential)).toMatchObject({
        status: 401,
        r: 'bad_credential',
      });
    }
    expect(await callDevice(stack.url, '/mqtt')).toMatchObject({ status: 401, r: 'no_credential' });
  });

  test.each([
    ['revoked', { state: 'revoked' }, 403, 'FORBIDDEN', 'revoked'],
    ['set back to pending', { state: 'pending' }, 403, 'NOT_REGISTERED', 'pending'],
    ['rotated', { generation: 7 }, 401, 'FORBIDDEN', 'superseded'],
  ])('refuses the token of a device that was %s', async (_, change, status, c, r) => {
    const { uuid, token } = await registerDevice(stack.url);
    await setDevice(uuid, change);
    expect(await callDevice(stack.url, '/mqtt', token)).toMatchObject({ status, c, r });
  });
});

describe('everything else', () => {
  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])(
    '%s is answered with 405 in the same form',
    async (method) => {
      for (const path of ['/mqtt', tokenPath(randomUUID())]) {
        const response = await fetch(`${stack.url}${path}`, { method });
        expect(response.status).toBe(405);
        expect(response.headers.get('allow')).toBe('GET, HEAD');
        expect(await response.json()).toMatchObject({ c: 'ERROR', r: 'bad_method' });
      }
    },
  );

  test.each(['/', '/auth', '/auth/devices', '/auth/devices/request/', '/mqtt/', '/MQTT', '/..%2f', '/%00'])(
    '%s is answered with 404 in the same form',
    async (path) => {
      const answer = await callDevice(stack.url, path, AGENT_SECRET);
      expect(answer).toMatchObject({ status: 404, c: 'ERROR', r: 'not_found' });
      expect(answer.headers.get('cache-control')).toBe('no-store');
    },
  );
});
