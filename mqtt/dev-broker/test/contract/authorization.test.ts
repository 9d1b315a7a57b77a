import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import type { TestClient } from '../mqtt-client.ts';
import {
  allow,
  connect,
  expectStatus,
  openTarget,
  provision,
  setRulesForAll,
  setRulesOf,
  type Target,
  WATCHER_ACL,
} from '../target.ts';

let target: Target;

beforeAll(async () => {
  target = await openTarget();
});
beforeEach(() => provision(target));
afterAll(() => target.close());

const RULES = '/authorization/sources/built_in_database/rules';

const device = (clientId: string) => connect(target.mqttUrl, clientId);
const watcher = () => connect(target.mqttUrl, 'watcher', { claims: { acl: WATCHER_ACL } });

/** Whether a publish gets through; the watcher must see what `fence` publishes. */
async function reaches(publisher: TestClient, topic: string, observer: TestClient): Promise<boolean> {
  await publisher.publish(topic, 'probe');
  await publisher.publish(`device/${publisher.mqtt.options.clientId}/data`, 'fence');
  const first = await observer.next();
  if (first.text === 'fence') return false;
  expect(first).toMatchObject({ topic, text: 'probe' });
  expect((await observer.next()).text).toBe('fence');
  return true;
}

describe('rules for all', () => {
  test('a device subscribes to its own topics and to nothing else', async () => {
    const client = await device('d1');
    const own = [
      'device/d1/ping',
      '/device/d1/ping',
      'device/d1/data',
      'device/d1/master',
      'device/d1/command',
    ];
    expect(await client.subscribe(own)).toEqual(own.map(() => 1));
    const foreign = [
      ...[
        'device/d2/ping',
        '/device/d1/data',
        'device/d1/reply',
        'device/+/ping',
        'device/d1/+',
        'device/d1/#',
      ],
      ...[
        '+/d1/ping',
        '#',
        'device/d1/ping/',
        'device/d1',
        '$SYS/#',
        '$share/g/device/d2/ping',
        '$share/g/#',
      ],
    ];
    expect(await client.subscribe(foreign)).toEqual(foreign.map(() => 128));
    expect(await client.subscribe('$share/anything/device/d1/ping')).toEqual([1]);
  });

  test('a refused publish is acknowledged and dropped', async () => {
    const observer = await watcher();
    await observer.subscribe('#');
    const client = await device('d1');
    expect(await reaches(client, 'device/d1/reply', observer)).toBe(true);
    expect(await reaches(client, 'device/d1/command', observer)).toBe(false);
    expect(await reaches(client, 'device/d2/ping', observer)).toBe(false);
    expect(await reaches(client, '//device/d1/ping', observer)).toBe(false);
  });

  test('a refused publish is not retained either', async () => {
    const client = await device('d1');
    await client.publish('device/d2/ping', 'retained', { retain: true });
    await client.publish('device/d1/ping', 'own', { retain: true });
    const observer = await watcher();
    await observer.subscribe('#');
    expect(await observer.next()).toMatchObject({ topic: 'device/d1/ping', text: 'own', retain: true });
    expect(observer.pending()).toEqual([]);
    await client.publish('device/d1/ping', '', { retain: true });
  });

  test('may be limited to a level of service and to messages that are not retained', async () => {
    const { api } = target;
    const rules = [
      { ...allow('low', 'subscribe'), qos: [0] },
      { ...allow('plain', 'publish'), qos: [0, 1], retain: false },
      allow('device/d1/data'),
    ];
    await expectStatus(api('POST', `${RULES}/all`, { rules }), 204);
    const observer = await watcher();
    await observer.subscribe('#');
    const client = await device('d1');
    expect(await client.subscribe('low', 0)).toEqual([0]);
    expect(await client.subscribe('low', 1)).toEqual([128]);
    expect(await reaches(client, 'plain', observer)).toBe(true);
    await client.publish('plain', 'kept', { retain: true });
    await client.publish('plain', 'twice', { qos: 2 });
    await client.publish('device/d1/data', 'fence');
    expect((await observer.next()).text).toBe('fence');
  });

  test('a wildcard rule covers filters that stand below it', async () => {
    await setRulesForAll(target.api, [allow('a/+/c'), allow('b/#'), allow('eq x/+')]);
    const client = await device('d1');
    const covered = ['a/b/c', 'a/+/c', 'b', 'b/c', 'b/#', 'b/+/d', 'x/+'];
    expect(await client.subscribe(covered)).toEqual(covered.map(() => 1));
    const uncovered = ['a/b', 'a/b/c/d', 'a/b/#', '+/b/c', '#', 'c', 'x/y'];
    expect(await client.subscribe(uncovered)).toEqual(uncovered.map(() => 128));
  });
});

describe('rules of one client', () => {
  test('come before the rules for all', async () => {
    await setRulesOf(target.api, 'd1', [
      allow('device/d2/master'),
      { ...allow('device/d1/data'), permission: 'deny' },
    ]);
    const client = await device('d1');
    expect(await client.subscribe(['device/d2/master', 'device/d1/data', 'device/d1/ping'])).toEqual([
      1, 128, 1,
    ]);
    const other = await device('d3');
    expect(await other.subscribe(['device/d2/master', 'device/d3/data'])).toEqual([128, 1]);
  });

  test('change at once for a topic not asked about, and after the cache is dropped for one that was', async () => {
    const { api } = target;
    const client = await device('d1');
    expect(await client.subscribe('device/d2/master')).toEqual([128]);
    await setRulesOf(api, 'd1', [allow('device/d2/master'), allow('device/d3/master')]);
    expect(await client.subscribe('device/d3/master')).toEqual([1]);
    expect(await client.subscribe('device/d2/master')).toEqual([128]);
    await expectStatus(api('DELETE', '/clients/d1/authorization/cache'), 204);
    expect(await client.subscribe('device/d2/master')).toEqual([1]);
  });

  test('when taken away leave a subscription that exists, until it is ended', async () => {
    const { api } = target;
    await setRulesOf(api, 'd1', [allow('device/d2/master')]);
    const client = await device('d1');
    const other = await device('d2');
    await client.subscribe(['device/d2/master', 'device/d1/ping']);
    await expectStatus(api('DELETE', `${RULES}/clients/d1`), 204);
    await expectStatus(api('DELETE', '/clients/d1/authorization/cache'), 204);
    await other.publish('device/d2/master', 'still');
    expect((await client.next()).text).toBe('still');
    await expectStatus(api('POST', '/clients/d1/unsubscribe', { topic: 'device/d2/master' }), 204);
    await other.publish('device/d2/master', 'ended');
    await client.publish('device/d1/ping', 'fence');
    expect((await client.next()).text).toBe('fence');
    expect(await client.subscribe('device/d2/master')).toEqual([128]);
  });

  test('are listed in pages and looked up by a part of the name', async () => {
    const { api } = target;
    const rules = [allow('x')];
    const bodies = Array.from({ length: 25 }, (_, i) => ({ clientid: `page-${i}`, rules }));
    await expectStatus(api('POST', `${RULES}/clients`, bodies), 204);
    const seen: string[] = [];
    for (const [page, hasnext] of [
      [1, true],
      [2, true],
      [3, false],
    ] as const) {
      const { body } = await api('GET', `${RULES}/clients?limit=10&page=${page}`);
      const { data, meta } = body as { data: { clientid: string }[]; meta: unknown };
      expect(meta).toEqual({ count: 25, limit: 10, page, hasnext });
      seen.push(...data.map(({ clientid }) => clientid));
    }
    expect(seen.sort()).toEqual(bodies.map(({ clientid }) => clientid).sort());
    const { body } = await api('GET', `${RULES}/clients?like_clientid=page-24`);
    expect(body).toMatchObject({ data: [{ clientid: 'page-24', rules }], meta: { hasnext: false } });
    expect((body as { meta: object }).meta).not.toHaveProperty('count');
  });

  test('are refused whole when one of them is no rule', async () => {
    const { api } = target;
    const bad = [{ clientid: 'd1', rules: [{ topic: 'x', permission: 'maybe', action: 'all' }] }];
    expect((await api('POST', `${RULES}/clients`, bad)).status).toBe(400);
    expect((await api('GET', `${RULES}/clients/d1`)).status).toBe(404);
  });

  test('cannot be listed above 10,000 a page', async () => {
    expect((await target.api('GET', `${RULES}/clients?limit=10000`)).status).toBe(200);
    expect((await target.api('GET', `${RULES}/clients?limit=10001`)).status).toBe(400);
  });
});

describe('settings', () => {
  test('can turn the cache off', async () => {
    const { api } = target;
    const cache = { enable: false, max_size: 32, ttl: '1m', excludes: [] };
    await expectStatus(
      api('PUT', '/authorization/settings', { no_match: 'deny', deny_action: 'ignore', cache }),
      200,
    );
    const client = await device('d1');
    expect(await client.subscribe('device/d2/master')).toEqual([128]);
    await setRulesOf(api, 'd1', [allow('device/d2/master')]);
    expect(await client.subscribe('device/d2/master')).toEqual([1]);
  });

  test('can have a refused client disconnected', async () => {
    const { api } = target;
    const { body } = await api('GET', '/authorization/settings');
    await expectStatus(
      api('PUT', '/authorization/settings', { ...(body as object), deny_action: 'disconnect' }),
      200,
    );
    const publisher = await device('d1');
    publisher.mqtt.publish('device/d2/ping', 'x');
    await publisher.untilClosed();
    const subscriber = await device('d2');
    subscriber.mqtt.subscribe('device/d1/ping', () => {});
    await subscriber.untilClosed();
  });
});

describe('sources', () => {
  test('a disabled one is not asked, and without a match no_match decides', async () => {
    const { api } = target;
    const source = { type: 'built_in_database', enable: false, max_rules: 100 };
    await expectStatus(api('PUT', '/authorization/sources/built_in_database', source), 204);
    expect(await (await device('d1')).subscribe('device/d1/ping')).toEqual([128]);
  });

  test('are asked in their order', async () => {
    const { api } = target;
    const file = { type: 'file', enable: true, rules: '{deny, all}.\n' };
    await expectStatus(api('PUT', '/authorization/sources/file', file), 204);
    expect(await (await device('d1')).subscribe(['device/d1/ping', 'other'])).toEqual([1, 128]);
    await expectStatus(api('POST', '/authorization/sources/file/move', { position: 'front' }), 204);
    expect(await (await device('d2')).subscribe(['device/d2/ping'])).toEqual([128]);
  });

  test('a file that ends by allowing all opens the broker', async () => {
    const { api } = target;
    const file = { type: 'file', enable: true, rules: '%% comment\n{allow, all}.\n' };
    await expectStatus(api('PUT', '/authorization/sources/file', file), 204);
    expect(await (await device('d1')).subscribe(['anything/at/all'])).toEqual([1]);
  });

  test('a rule table that is deleted takes its rules along', async () => {
    const { api } = target;
    await expectStatus(api('DELETE', '/authorization/sources/built_in_database'), 204);
    expect(await api('GET', `${RULES}/all`)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    await expectStatus(
      api('POST', '/authorization/sources', { type: 'built_in_database', enable: true }),
      204,
    );
    expect(await api('GET', `${RULES}/all`)).toEqual({ status: 200, body: { rules: [] } });
  });
});
