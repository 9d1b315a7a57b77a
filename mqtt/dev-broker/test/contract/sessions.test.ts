import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import type { TestClient } from '../mqtt-client.ts';
import {
  allow,
  type ClientOptions,
  connect,
  expectStatus,
  openTarget,
  provision,
  type Target,
  untilAnswer,
  untilAway,
  WATCHER_ACL,
} from '../target.ts';

let target: Target;

beforeAll(async () => {
  target = await openTarget();
});
beforeEach(() => provision(target));
afterAll(() => target.close());

/** A client that may do everything, as the server's own may. */
const server = (clientId: string, options: ClientOptions = {}) =>
  connect(target.mqttUrl, clientId, { claims: { acl: WATCHER_ACL }, ...options });

/** Cuts a client off and waits until the broker knows. */
const away = async (client: TestClient) => {
  await client.cut();
  await untilAway(target.api, client.mqtt.options.clientId ?? '');
};

const textsOf = async (client: TestClient, count: number) => {
  const texts: string[] = [];
  while (texts.length < count) texts.push((await client.next()).text);
  return texts;
};

describe('client events', () => {
  test('tell of a connection and of its end, also through a shared subscription', async () => {
    const watcher = await server('watcher');
    await watcher.subscribe('$share/g/$SYS/brokers/+/clients/+/connected');
    await watcher.subscribe('$share/g/$SYS/brokers/+/clients/+/disconnected');
    const device = await connect(target.mqttUrl, 'd1');
    const connected = await watcher.next();
    expect(connected.topic).toMatch(/^\$SYS\/brokers\/[^/]+\/clients\/d1\/connected$/);
    const first = JSON.parse(connected.text);
    const about = { clientid: 'd1', username: 'd1.1', proto_ver: 4, connected_at: first.connected_at };
    expect(first).toMatchObject({ ...about, keepalive: 60, clean_start: true });
    expect(first.ts).toBeGreaterThanOrEqual(first.connected_at);
    expect(first.ipaddress).toMatch(/^[\d.]+$/);
    await device.end();
    const last = JSON.parse((await watcher.next()).text);
    expect(last).toMatchObject({ ...about, ipaddress: first.ipaddress, reason: 'normal' });
    expect(last.disconnected_at).toBeWithin(first.connected_at, last.ts + 1);
  });

  const takeovers: [string, boolean][] = [
    ['discarded', true],
    ['takenover', false],
  ];
  test.each(takeovers)(
    'a session is %s when its client id connects with clean start %p',
    async (reason, clean) => {
      const watcher = await server('watcher');
      await watcher.subscribe('$SYS/brokers/+/clients/d1/disconnected');
      const first = await connect(target.mqttUrl, 'd1', { clean });
      const second = await connect(target.mqttUrl, 'd1', { clean });
      await first.untilClosed();
      expect(JSON.parse((await watcher.next()).text)).toMatchObject({ clientid: 'd1', reason });
      await second.subscribe('device/d1/ping');
      await second.publish('device/d1/ping', 'mine');
      expect((await second.next()).text).toBe('mine');
    },
  );

  test('a connection that is cut ends as tcp_closed', async () => {
    const watcher = await server('watcher');
    await watcher.subscribe('$SYS/brokers/+/clients/d1/disconnected');
    await (await connect(target.mqttUrl, 'd1')).cut();
    expect(JSON.parse((await watcher.next()).text).reason).toBe('tcp_closed');
  });
});

describe("a publisher's own messages", () => {
  test('come back to it, unless the zone holds them back', async () => {
    const { api, mqttUrl } = target;
    const before = await connect(mqttUrl, 'd1');
    await before.subscribe('device/d1/ping');
    await before.publish('device/d1/ping', 'echo');
    expect((await before.next()).text).toBe('echo');

    const zone = (await api('GET', '/configs/global_zone')).body as { mqtt: object };
    zone.mqtt = { ...zone.mqtt, ignore_loop_deliver: true };
    await expectStatus(api('PUT', '/configs/global_zone', zone), 200);
    const other = await server('other');
    const after = await connect(mqttUrl, 'd2');
    await after.subscribe('device/d2/ping');
    await after.publish('device/d2/ping', 'echo');
    await other.publish('device/d2/ping', 'from another');
    expect((await after.next()).text).toBe('from another');
  });
});

describe('a clean session', () => {
  test('ends with its connection, however that ends', async () => {
    const { api, mqttUrl } = target;
    for (const how of ['cut', 'end'] as const) {
      const device = await connect(mqttUrl, 'd1');
      await device.subscribe('device/d1/ping');
      await device[how]();
      await untilAway(api, 'd1');
      expect(await api('GET', '/clients/d1')).toMatchObject({
        status: 404,
        body: { code: 'CLIENTID_NOT_FOUND' },
      });
    }
  });
});

describe('a persistent session', () => {
  test('gets what was not acknowledged again with DUP, and what came meanwhile, right after CONNACK', async () => {
    const device = await connect(target.mqttUrl, 'd1');
    const first = await server('s1', { clean: false, holdAcks: true });
    await first.subscribe('$share/g/device/+/data');
    await device.publish('device/d1/data', 'one');
    expect(await first.next()).toMatchObject({ text: 'one', dup: false });
    await away(first);
    await device.publish('device/d1/data', 'two');
    const second = await server('s1', { clean: false });
    expect(second.sessionPresent).toBe(true);
    expect(await second.next()).toMatchObject({ text: 'one', dup: true, qos: 1 });
    expect(await second.next()).toMatchObject({ text: 'two', dup: false, qos: 1 });
  });

  test('is forgotten when its client starts clean', async () => {
    const first = await server('s1', { clean: false });
    await first.subscribe('a');
    await away(first);
    expect((await server('s1', { clean: true })).sessionPresent).toBe(false);
    const { body } = await target.api('GET', '/clients/s1/subscriptions');
    expect(body).toEqual([]);
  });

  test('shows among the clients while nobody uses it', async () => {
    const first = await server('s1', { clean: false });
    await first.subscribe('a');
    await away(first);
    expect((await target.api('GET', '/clients/s1')).body).toMatchObject({
      connected: false,
      is_persistent: true,
      subscriptions_cnt: 1,
    });
  });

  test('is sent at most max_inflight messages without an acknowledgement', async () => {
    const holder = await server('s1', { clean: false, holdAcks: true });
    await holder.subscribe('a');
    const publisher = await server('p1');
    for (let i = 0; i < 40; i++) await publisher.publish('a', String(i));
    expect((await holder.next()).text).toBe('0');
    await away(holder);
    await untilAnswer(target.api, '/clients/s1', { inflight_cnt: 32, mqueue_len: 8 });
    const back = await server('s1', { clean: false });
    expect(await textsOf(back, 40)).toEqual(Array.from({ length: 40 }, (_, i) => String(i)));
  });
});

describe('a share group', () => {
  test('gives each member its turn, and each group its own copy', async () => {
    const members = [await server('s1'), await server('s2')];
    for (const member of members) await member.subscribe('$share/g/a');
    const alone = await server('s3');
    await alone.subscribe(['$share/h/a']);
    const publisher = await server('p1');
    for (let i = 0; i < 6; i++) await publisher.publish('a', String(i));
    expect(await textsOf(alone, 6)).toEqual(['0', '1', '2', '3', '4', '5']);
    const shares = await Promise.all(members.map((member) => textsOf(member, 3)));
    expect(shares.flat().sort()).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  test('goes on without a member that left', async () => {
    const [staying, leaving] = [await server('s1'), await server('s2')];
    for (const member of [staying, leaving]) await member.subscribe('$share/g/a');
    await away(leaving);
    const publisher = await server('p1');
    for (let i = 0; i < 4; i++) await publisher.publish('a', String(i));
    expect(await textsOf(staying, 4)).toEqual(['0', '1', '2', '3']);
  });

  test('keeps the turn of a persistent member that is away', async () => {
    const staying = await server('s1');
    const gone = await server('s2', { clean: false });
    for (const member of [staying, gone]) await member.subscribe('$share/g/a');
    await away(gone);
    const publisher = await server('p1');
    for (let i = 0; i < 4; i++) await publisher.publish('a', String(i));
    const here = await textsOf(staying, 2);
    const later = await textsOf(await server('s2', { clean: false }), 2);
    expect([...here, ...later].sort()).toEqual(['0', '1', '2', '3']);
  });

  test('queues for a persistent member when nobody else is there', async () => {
    const gone = await server('s1', { clean: false });
    await gone.subscribe('$share/g/a');
    await away(gone);
    const publisher = await server('p1');
    await publisher.publish('a', 'kept');
    expect(await (await server('s1', { clean: false })).next()).toMatchObject({ text: 'kept', qos: 1 });
  });

  test('is given no retained message', async () => {
    const publisher = await server('p1');
    await publisher.publish('a/retained', 'old', { retain: true });
    const member = await server('s1');
    await member.subscribe('$share/g/a/retained');
    await publisher.publish('a/retained', 'new');
    expect(await member.next()).toMatchObject({ text: 'new', retain: false });
    await publisher.publish('a/retained', '', { retain: true });
  });
});

describe('a will', () => {
  const willOf = (topic: string) => ({ topic, payload: Buffer.from('gone'), qos: 1 as const, retain: false });

  test('is published when the connection is cut, not after DISCONNECT', async () => {
    const watcher = await server('watcher');
    await watcher.subscribe('device/#');
    const polite = await connect(target.mqttUrl, 'd1', { will: willOf('device/d1/data') });
    await polite.end();
    const cut = await connect(target.mqttUrl, 'd2', { will: willOf('device/d2/data') });
    await cut.cut();
    expect(await watcher.next()).toMatchObject({ topic: 'device/d2/data', text: 'gone' });
  });

  test('on a topic that its client may not publish to is dropped', async () => {
    const watcher = await server('watcher');
    await watcher.subscribe(['device/#', '$SYS/brokers/+/clients/d1/disconnected']);
    const cut = await connect(target.mqttUrl, 'd1', { will: willOf('device/d2/data') });
    await cut.cut();
    expect((await watcher.next()).topic).toEndWith('/clients/d1/disconnected');
    const other = await connect(target.mqttUrl, 'd3');
    await other.publish('device/d3/data', 'fence');
    expect((await watcher.next()).text).toBe('fence');
  });
});

describe('delivery', () => {
  test('is at the lower of the two levels of service', async () => {
    const subscriber = await server('s1');
    await subscriber.subscribe('q0', 0);
    await subscriber.subscribe('q1', 1);
    await subscriber.subscribe('q2', 2);
    const publisher = await server('p1');
    for (const topic of ['q0', 'q1', 'q2']) await publisher.publish(topic, topic, { qos: 2 });
    await publisher.publish('q2', 'low', { qos: 0 });
    const levels: Record<string, number> = {};
    for (let i = 0; i < 4; i++) {
      const { text, qos } = await subscriber.next();
      levels[text] = qos;
    }
    expect(levels).toEqual({ q0: 0, q1: 1, q2: 2, low: 0 });
  });

  test('goes to wildcard subscribers, but $ topics only to those who name them', async () => {
    const subscriber = await server('s1', { claims: { acl: [allow('#'), allow('$x/#')] } });
    await subscriber.subscribe(['a/+/c', 'b/#', '+/z']);
    const publisher = await server('p1', { claims: { acl: [allow('#'), allow('$x/#')] } });
    for (const topic of ['a/b/c', 'b', 'b/c/d', '$x/z', 'y/z']) await publisher.publish(topic, topic);
    expect(await textsOf(subscriber, 4)).toEqual(['a/b/c', 'b', 'b/c/d', 'y/z']);
  });

  test('by REST reaches subscribers and says when there are none', async () => {
    const { api } = target;
    const subscriber = await server('s1');
    await subscriber.subscribe('a');
    expect((await api('POST', '/publish', { topic: 'a', payload: 'hello', qos: 1 })).status).toBe(200);
    expect((await subscriber.next()).text).toBe('hello');
    const nobody = await api('POST', '/publish', { topic: 'nobody/here', payload: 'hello' });
    expect(nobody).toMatchObject({ status: 202, body: { reason_code: 16 } });
  });
});
