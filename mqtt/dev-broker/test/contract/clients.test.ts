import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { tryConnect } from '../mqtt-client.ts';
import { connect, expectStatus, openTarget, provision, type Target, untilAway } from '../target.ts';

let target: Target;

beforeAll(async () => {
  target = await openTarget();
});
beforeEach(() => provision(target));
afterAll(() => target.close());

interface Listed {
  data: Record<string, unknown>[];
  meta: Record<string, unknown>;
}

const list = async (query: string) => (await target.api('GET', `/clients?${query}`)).body as Listed;

describe('auth_expire_at', () => {
  test('is the end of the token, and shows in the list only where no fields are chosen', async () => {
    const before = Math.floor(Date.now() / 1000);
    await connect(target.mqttUrl, 'd1', { claims: { expiresIn: 600 } });
    const { body } = await target.api('GET', '/clients/d1');
    const expiresAt = Number((body as Record<string, unknown>).auth_expire_at) / 1000;
    expect(expiresAt).toBeWithin(before + 600, before + 700);
    const { data } = await list('limit=10');
    expect(data.find(({ clientid }) => clientid === 'd1')).toMatchObject({
      auth_expire_at: expiresAt * 1000,
    });
    for (const field of ['auth_expire_at', 'is_persistent', 'listener', 'shoe_size']) {
      expect((await target.api('GET', `/clients?fields=clientid,${field}`)).status).toBe(400);
    }
  });

  test('has no value for a session that never showed a token', async () => {
    await target.reset();
    const admitted = await tryConnect(target.mqttUrl, { clientId: 'anyone', username: 'anyone.1' });
    expect(admitted.ok).toBe(true);
    const { body } = await target.api('GET', '/clients/anyone');
    expect((body as Record<string, unknown>).auth_expire_at ?? null).toBeNull();
  });
});

describe('the list of clients', () => {
  test('is not counted where it is searched by a part of the client id', async () => {
    await connect(target.mqttUrl, 'needle-1');
    await connect(target.mqttUrl, 'other');
    const { data, meta } = await list('like_clientid=needle&fields=clientid');
    expect(data).toEqual([{ clientid: 'needle-1' }]);
    expect(meta).toMatchObject({ page: 1, hasnext: false });
    expect(meta).not.toHaveProperty('count');
  });

  test('shifts between two pages when a client of the first one leaves: one is not seen', async () => {
    const ids = ['a', 'b', 'c', 'd'];
    for (const id of ids) await connect(target.mqttUrl, id);
    const first = await list('limit=2&page=1&fields=clientid');
    const leaving = String(first.data[0]?.clientid);
    await expectStatus(target.api('DELETE', `/clients/${leaving}`), 204);
    await untilAway(target.api, leaving);
    const second = await list('limit=2&page=2&fields=clientid');
    const seen = [...first.data, ...second.data].map(({ clientid }) => clientid);
    expect(ids.filter((id) => !seen.includes(id))).toHaveLength(1);
  });
});

describe('a listener', () => {
  test('that is stopped ends its connections and takes none until it is started', async () => {
    const { api, mqttUrl } = target;
    const device = await connect(mqttUrl, 'd1');
    await expectStatus(api('POST', '/listeners/tcp:default/stop'), 200);
    await device.untilClosed();
    expect(await tryConnect(mqttUrl, { clientId: 'd2' })).toEqual({
      ok: false,
      returnCode: expect.anything(),
    });
    const stopped = (await api('GET', '/listeners')).body as {
      id: string;
      enable: boolean;
      status: object;
    }[];
    expect(stopped.find(({ id }) => id === 'tcp:default')).toMatchObject({
      enable: false,
      status: { running: false, current_connections: 0 },
    });
    for (let i = 0; i < 2; i++) await expectStatus(api('POST', '/listeners/tcp:default/start'), 200);
    expect((await api('GET', '/listeners/tcp:default')).body).toMatchObject({ enable: true, running: true });
    const back = await connect(mqttUrl, 'd1');
    // Starting what runs disturbs nobody.
    await expectStatus(api('POST', '/listeners/tcp:default/start'), 200);
    expect(await back.subscribe('device/d1/ping')).toEqual([1]);
  });

  test('that does not exist cannot be read or started', async () => {
    for (const [method, path] of [
      ['GET', '/listeners/tcp:nobody'],
      ['POST', '/listeners/tcp:nobody/start'],
    ] as const) {
      // 400 where the name is new to EMQX, 404 where it has heard of it.
      expect([400, 404]).toContain((await target.api(method, path)).status);
    }
  });
});
