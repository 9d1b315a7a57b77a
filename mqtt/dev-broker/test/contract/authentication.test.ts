import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { tryConnect } from '../mqtt-client.ts';
import {
  AUTHENTICATOR,
  allow,
  type Claims,
  connect,
  expectStatus,
  openTarget,
  provision,
  returnCode,
  type Target,
  token,
  WATCHER_ACL,
} from '../target.ts';

let target: Target;

beforeAll(async () => {
  target = await openTarget();
});
beforeEach(() => provision(target));
afterAll(() => target.close());

const BAD_CREDENTIALS = 4;
const NOT_AUTHORISED = 5;

const DATABASE = {
  mechanism: 'password_based',
  backend: 'built_in_database',
  user_id_type: 'username',
  password_hash_algorithm: { name: 'sha256', salt_position: 'prefix' },
};

function attempt(clientId: string, username: string | undefined, password: string | undefined) {
  return returnCode(
    tryConnect(target.mqttUrl, {
      clientId,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    }),
  );
}

describe('CONNACK', () => {
  test('an empty authenticator chain lets everyone in', async () => {
    await target.reset();
    expect(await attempt('anyone', undefined, undefined)).toBe(0);
  });

  test('a token lets its own client id and user name in', async () => {
    expect(await attempt('d1', 'd1.1', await token('d1'))).toBe(0);
  });

  test('a token without exp is taken', async () => {
    expect(await attempt('d1', 'd1.1', await token('d1', { expiresIn: null }))).toBe(0);
  });

  const wrong: [string, Claims, number][] = [
    ['is expired', { expiresIn: -1 }, BAD_CREDENTIALS],
    ['names another client id', { sub: 'd2' }, BAD_CREDENTIALS],
    ['names another user name', { username: 'd2.1' }, BAD_CREDENTIALS],
    ['has no sub', { sub: null }, BAD_CREDENTIALS],
    ['has no username', { username: null }, BAD_CREDENTIALS],
    ['has an acl that is no rule', { acl: [{ permission: 'maybe' }] }, BAD_CREDENTIALS],
    ['is signed with another key', { secret: 'x'.repeat(32) }, NOT_AUTHORISED],
  ];
  test.each(wrong)('a token that %s is refused', async (_, claims, code) => {
    expect(await attempt('d1', 'd1.1', await token('d1', claims))).toBe(code);
  });

  test('garbage and no password at all are refused as not authorised', async () => {
    expect(await attempt('d1', 'd1.1', 'x.y.z')).toBe(NOT_AUTHORISED);
    expect(await attempt('d1', 'd1.1', undefined)).toBe(NOT_AUTHORISED);
  });

  test('behind the JWT authenticator an empty user database refuses whoever sends no password', async () => {
    await expectStatus(target.api('POST', '/authentication', DATABASE), 200);
    expect(await attempt('d1', 'd1.1', undefined)).toBe(BAD_CREDENTIALS);
    expect(await attempt('d1', 'd1.1', 'x.y.z')).toBe(NOT_AUTHORISED);
    expect(await attempt('d1', 'd1.1', await token('d1'))).toBe(0);
  });

  test('the user database needs the name of its hash algorithm', async () => {
    const { api } = target;
    for (const password_hash_algorithm of [undefined, { salt_position: 'prefix' }]) {
      const body = { ...DATABASE, password_hash_algorithm };
      expect(await api('POST', '/authentication', body)).toMatchObject({
        status: 400,
        body: { code: 'BAD_REQUEST' },
      });
    }
  });

  test('an authenticator moved to the front is asked first', async () => {
    const { api } = target;
    await expectStatus(api('POST', '/authentication', DATABASE), 200);
    const id = 'password_based:built_in_database';
    await expectStatus(api('PUT', `/authentication/${id}/position/front`), 204);
    expect(await ids()).toEqual([id, 'jwt']);
    await expectStatus(api('PUT', '/authentication/jwt/position/front'), 204);
    expect(await ids()).toEqual(['jwt', id]);
  });

  test('the masked secret of a GET, put back, leaves the secret as it is', async () => {
    const { api } = target;
    const { body } = await api('GET', '/authentication/jwt');
    const { id, ...shown } = body as Record<string, unknown>;
    expect(shown.secret).toBe('******');
    await expectStatus(api('PUT', '/authentication/jwt', shown), 204);
    expect(await attempt('d1', 'd1.1', await token('d1'))).toBe(0);
    const changed = { ...AUTHENTICATOR, secret: 'another-secret-another-secret-32' };
    await expectStatus(api('PUT', '/authentication/jwt', changed), 204);
    expect(await attempt('d1', 'd1.1', await token('d1'))).toBe(NOT_AUTHORISED);
  });

  async function ids(): Promise<unknown> {
    const { body } = await target.api('GET', '/authentication');
    return (body as { id: string }[]).map(({ id }) => id);
  }
});

describe('a token', () => {
  test('ends its connection when it expires, and the event says so', async () => {
    const watcher = await connect(target.mqttUrl, 'watcher', { claims: { acl: WATCHER_ACL } });
    await watcher.subscribe('$SYS/brokers/+/clients/d1/disconnected');
    const expiresAt = Math.floor(Date.now() / 1000) + 2;
    const device = await connect(target.mqttUrl, 'd1', { claims: { expiresIn: 2 } });
    await device.untilClosed();
    expect(Math.round(Date.now() / 1000)).toBeGreaterThanOrEqual(expiresAt);
    expect(JSON.parse((await watcher.next()).text)).toMatchObject({
      clientid: 'd1',
      reason: 'not_authorized',
    });
  });

  test('may carry rights as a list: the first that matches counts, the rest is left to the sources', async () => {
    const acl = [{ ...allow('a/secret'), permission: 'deny' }, allow('a/+', 'subscribe')];
    const client = await connect(target.mqttUrl, 'd1', { claims: { acl } });
    expect(await client.subscribe('a/secret')).toEqual([128]);
    expect(await client.subscribe('a/open')).toEqual([1]);
    expect(await client.subscribe('$share/group/a/+')).toEqual([1]);
    expect(await client.subscribe('device/d1/ping')).toEqual([1]);
    expect(await client.subscribe('b')).toEqual([128]);
  });

  test('may carry rights as a map, which is all the client then has', async () => {
    const client = await connect(target.mqttUrl, 'd1', {
      claims: { acl: { sub: ['a/+'], pub: [], all: ['b'] } },
    });
    expect(await client.subscribe(['a/x'])).toEqual([1]);
    expect(await client.subscribe(['b'])).toEqual([1]);
    expect(await client.subscribe(['device/d1/ping'])).toEqual([128]);
  });

  test('may make its client a superuser, whom no rule stops', async () => {
    const claims = { acl: [{ ...allow('a'), permission: 'deny' }], is_superuser: true };
    const client = await connect(target.mqttUrl, 'd1', { claims });
    expect(await client.subscribe(['a', '#'])).toEqual([1, 1]);
  });

  test('opens $SYS only where it names it', async () => {
    const open = await connect(target.mqttUrl, 'w1', {
      claims: { acl: [allow('$SYS/brokers/+/clients/#')] },
    });
    expect(await open.subscribe('$share/g/$SYS/brokers/+/clients/+/connected')).toEqual([1]);
    const closed = await connect(target.mqttUrl, 'w2', { claims: { acl: [allow('#')] } });
    expect(await closed.subscribe('$SYS/brokers/+/clients/+/connected')).toEqual([128]);
  });
});

describe('REST credentials', () => {
  test('none, and wrong ones, are told apart', async () => {
    const { apiAs } = target;
    expect(await apiAs(null)('GET', '/nodes')).toMatchObject({
      status: 401,
      body: { code: 'AUTHORIZATION_HEADER_ERROR' },
    });
    expect(await apiAs(`Basic ${btoa('who:knows')}`)('GET', '/nodes')).toMatchObject({
      status: 401,
      body: { code: 'BAD_API_KEY_OR_SECRET' },
    });
    expect((await apiAs(null)('GET', '/status')).status).toBe(200);
  });

  test('an unknown authenticator and an unknown path are not found', async () => {
    const { api } = target;
    expect(await api('GET', '/authentication/jwt2')).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    expect((await api('GET', '/no/such/path')).status).toBe(404);
  });
});
