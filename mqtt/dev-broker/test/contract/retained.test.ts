import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import {
  allow,
  connect,
  expectStatus,
  openTarget,
  provision,
  type RuleBody,
  type Target,
  untilAway,
  WATCHER_ACL,
} from '../target.ts';

let target: Target;

beforeAll(async () => {
  target = await openTarget();
});
beforeEach(() => provision(target));
afterAll(() => target.close());

const RULES_FOR_ALL = '/authorization/sources/built_in_database/rules/all';
const server = (clientId: string, clean = true) =>
  connect(target.mqttUrl, clientId, { clean, claims: { acl: WATCHER_ACL } });
const messagePath = (topic: string) => `/mqtt/retainer/message/${encodeURIComponent(topic)}`;

describe('a retained message', () => {
  test('is given at every SUBSCRIBE, and not when a session is resumed', async () => {
    await (await server('p1')).publish('a', 'kept', { retain: true });
    const subscriber = await server('s1', false);
    for (let i = 0; i < 2; i++) {
      await subscriber.subscribe('a');
      expect(await subscriber.next()).toMatchObject({ text: 'kept', retain: true });
    }
    await subscriber.cut();
    await untilAway(target.api, 's1');
    const back = await server('s1', false);
    expect(back.sessionPresent).toBe(true);
    await (await server('p1')).publish('a', 'next');
    expect(await back.next()).toMatchObject({ text: 'next', retain: false });
  });

  test('can be read, listed and deleted by REST', async () => {
    const { api } = target;
    const publisher = await server('p1');
    await publisher.publish('list/a', 'one', { retain: true });
    await publisher.publish('list/b', 'two', { retain: true });
    await expectStatus(api('GET', messagePath('list/a')), 200);
    expect((await api('GET', messagePath('list/a'))).body).toMatchObject({
      topic: 'list/a',
      payload: Buffer.from('one').toString('base64'),
      qos: 1,
      from_clientid: 'p1',
      from_username: 'p1.1',
    });
    const { body } = await api(
      'GET',
      `/mqtt/retainer/messages?limit=1&page=1&topic=${encodeURIComponent('list/+')}`,
    );
    const page = body as { data: Record<string, unknown>[]; meta: Record<string, unknown> };
    expect(page.meta).toEqual({ page: 1, limit: 1, hasnext: true });
    expect(page.data).toHaveLength(1);
    expect(page.data[0]).not.toHaveProperty('payload');
    await expectStatus(api('DELETE', messagePath('list/a')), 204);
    for (const method of ['GET', 'DELETE']) {
      expect(await api(method, messagePath('list/a'))).toMatchObject({
        status: 404,
        body: { code: 'NOT_FOUND' },
      });
    }
  });

  test('can be made and cleared by REST, with and without subscribers', async () => {
    const { api } = target;
    const retained = { topic: 'a', payload: 'kept', qos: 1, retain: true };
    expect((await api('POST', '/publish', retained)).status).toBe(202);
    const subscriber = await server('s1');
    await subscriber.subscribe('a');
    expect(await subscriber.next()).toMatchObject({ text: 'kept', retain: true });
    expect((await api('POST', '/publish', { ...retained, payload: '' })).status).toBe(200);
    expect((await api('GET', messagePath('a'))).status).toBe(404);
  });

  test('is refused to a device whose rule asks for messages that are not retained', async () => {
    const { api, mqttUrl } = target;
    const rules: (RuleBody & { retain?: boolean })[] = [
      { ...allow('device/${clientid}/data'), retain: false },
      { ...allow('device/${clientid}/reply', 'publish'), retain: false },
    ];
    await expectStatus(api('POST', RULES_FOR_ALL, { rules }), 204);
    expect((await api('GET', RULES_FOR_ALL)).body).toMatchObject({
      rules: [{ retain: false }, { retain: false }],
    });
    const device = await connect(mqttUrl, 'd1', { protocolVersion: 5 });
    expect(await device.subscribe('device/d1/data')).toEqual([1]);
    expect(await device.publishForReason('device/d1/data', 'kept', { retain: true })).toBe(135);
    expect(await device.publishForReason('device/d1/reply', 'kept', { retain: true })).toBe(135);
    expect(await device.publishForReason('device/d1/data', 'plain')).toBe(0);
    expect(await device.next()).toMatchObject({ text: 'plain', retain: false });
    expect((await api('GET', messagePath('device/d1/data'))).status).toBe(404);
    // Nor can a will leave one behind.
    const will = { topic: 'device/d2/data', payload: Buffer.from('gone'), qos: 1 as const, retain: true };
    const dying = await connect(mqttUrl, 'd2', { will });
    await dying.cut();
    await untilAway(api, 'd2');
    expect((await api('GET', messagePath('device/d2/data'))).status).toBe(404);
  });
});

describe('the retainer', () => {
  test('is configured as a whole, and shows what was set', async () => {
    const { api } = target;
    const { body } = await api('GET', '/mqtt/retainer');
    expect(body).toMatchObject({ max_publish_rate: '1000/s', backend: { storage_type: 'ram' } });
    const retainer = body as { backend: object };
    const wanted = {
      ...retainer,
      max_publish_rate: 'infinity',
      backend: { ...retainer.backend, storage_type: 'disc' },
    };
    expect((await api('PUT', '/mqtt/retainer', wanted)).body).toMatchObject({
      max_publish_rate: 'infinity',
      backend: { storage_type: 'disc' },
    });
    expect((await api('PUT', '/mqtt/retainer', { ...wanted, max_publish_rate: 'fast' })).status).toBe(400);
  });
});
