import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import type { TestClient } from '../mqtt-client.ts';
import { openPackets } from '../packet-client.ts';
import {
  type ClientOptions,
  changeMqtt,
  connect,
  expectStatus,
  openTarget,
  provision,
  type Target,
  token,
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

const server = (clientId: string, options: ClientOptions = {}) =>
  connect(target.mqttUrl, clientId, { claims: { acl: WATCHER_ACL }, ...options });
const KEPT = { clean: false };

const connectWith = async (clientId: string): Promise<IConnectPacket> => ({
  cmd: 'connect',
  clientId,
  username: `${clientId}.1`,
  password: Buffer.from(await token(clientId, { acl: WATCHER_ACL })),
  clean: false,
  keepalive: 60,
});

const away = async (client: TestClient) => {
  await client.cut();
  await untilAway(target.api, client.mqtt.options.clientId ?? '');
};

describe('upgrade_qos', () => {
  test('delivers at the higher of the two levels, to plain and shared subscriptions', async () => {
    await changeMqtt(target.api, { upgrade_qos: true });
    const subscriber = await server('s1');
    await subscriber.subscribe('low', 0);
    await subscriber.subscribe(['high', '$share/g/shared'], 1);
    const publisher = await server('p1');
    await publisher.publish('high', 'raised', { qos: 0 });
    await publisher.publish('shared', 'raised', { qos: 0 });
    await publisher.publish('low', 'as published', { qos: 1 });
    await publisher.publish('low', 'as published', { qos: 0 });
    const levels: [string, number][] = [];
    for (let i = 0; i < 4; i++) {
      const { topic, qos } = await subscriber.next();
      levels.push([topic, qos]);
    }
    expect(levels).toEqual([
      ['high', 1],
      ['shared', 1],
      ['low', 1],
      ['low', 0],
    ]);
  });

  test('counts from the next CONNECT on, also for a session that exists', async () => {
    const before = await server('s1', KEPT);
    await before.subscribe('a');
    await changeMqtt(target.api, { upgrade_qos: true });
    const publisher = await server('p1');
    await publisher.publish('a', 'one', { qos: 0 });
    expect((await before.next()).qos).toBe(0);
    await away(before);
    const after = await server('s1', KEPT);
    await publisher.publish('a', 'two', { qos: 0 });
    expect(await after.next()).toMatchObject({ text: 'two', qos: 1 });
  });

  test('what is queued of QoS 0 for a session that is away comes at QoS 1 and, unacknowledged, again', async () => {
    await changeMqtt(target.api, { upgrade_qos: true });
    const first = await server('s1', KEPT);
    await first.subscribe('a');
    await away(first);
    await (await server('p1')).publish('a', 'kept', { qos: 0 });
    const holding = await server('s1', { ...KEPT, holdAcks: true });
    const delivered = await holding.next();
    expect(delivered).toMatchObject({ qos: 1, dup: false });
    await away(holding);
    expect(await (await server('s1', KEPT)).next()).toMatchObject({
      text: 'kept',
      dup: true,
      messageId: delivered.messageId,
    });
  });
});

describe('configuration', () => {
  test('of a zone is merged as HOCON and shown nowhere', async () => {
    const { api } = target;
    const hocon = 'zones.server.mqtt { upgrade_qos = true, max_inflight = 77 }';
    await expectStatus(api('PUT', '/configs?mode=merge', hocon), 200);
    const text = String(await expectStatus(api('GET', '/configs'), 200));
    expect(text).toMatch(/mqtt\s*\{/);
    expect(text).not.toMatch(/zones/);
    expect(text).not.toMatch(/max_inflight = 77/);
    expect((await api('GET', '/configs?key=zones')).status).toBe(400);
  });

  test('that is no HOCON, or that EMQX does not know, is refused and changes nothing', async () => {
    const { api } = target;
    const before = (await api('GET', '/configs/global_zone')).body;
    for (const text of ['mqtt {', 'mqtt { max_inflight = many }', 'mqtt { no_such_setting = 1 }']) {
      expect((await api('PUT', '/configs?mode=merge', text)).status).toBe(400);
    }
    expect((await api('GET', '/configs/global_zone')).body).toEqual(before);
  });
});

describe('a take-over', () => {
  test('gives what was not acknowledged again, in order, with DUP and the same packet ids', async () => {
    const first = await openPackets(target.mqttUrl, await connectWith('s1'));
    first.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
    await first.next('suback');
    const publisher = await server('p1');
    const texts = Array.from({ length: 10 }, (_, i) => String(i));
    for (const text of texts) await publisher.publish('a', text);
    const before: IPublishPacket[] = [];
    for (const _ of texts) before.push(await first.next('publish'));
    expect(before.map(({ dup }) => dup)).toEqual(texts.map(() => false));

    const second = await openPackets(target.mqttUrl, await connectWith('s1'));
    expect(second.connack.sessionPresent).toBe(true);
    await first.untilClosed();
    const after: IPublishPacket[] = [];
    for (const _ of texts) after.push(await second.next('publish'));
    const identity = ({ messageId, payload }: IPublishPacket) => [messageId, payload.toString()];
    expect(after.map(identity)).toEqual(before.map(identity));
    expect(after.map(({ dup }) => dup)).toEqual(texts.map(() => true));
    second.close();
  });
});

describe('a full queue', () => {
  test('gives up its oldest messages and counts them, while publishers are acknowledged', async () => {
    await changeMqtt(target.api, { max_mqueue_len: 5 });
    const subscriber = await server('s1', KEPT);
    await subscriber.subscribe('a');
    await away(subscriber);
    const publisher = await server('p1', { protocolVersion: 5 });
    for (let i = 0; i < 8; i++) expect(await publisher.publishForReason('a', String(i))).toBe(0);
    await untilAnswer(target.api, '/clients/s1', { mqueue_len: 5, mqueue_dropped: 3 });
    const back = await server('s1', KEPT);
    for (const text of ['3', '4', '5', '6', '7']) expect((await back.next()).text).toBe(text);
  });
});

describe('the event of a subscription', () => {
  test('is published once it is turned on, for every SUBSCRIBE and not for a resumed session', async () => {
    const { api } = target;
    const topics = (await api('GET', '/configs/sys_topics')).body as { sys_event_messages: object };
    expect(topics.sys_event_messages).toMatchObject({ client_connected: true, client_subscribed: false });
    const wanted = {
      ...topics,
      sys_event_messages: { ...topics.sys_event_messages, client_subscribed: true },
    };
    await expectStatus(api('PUT', '/configs/sys_topics', wanted), 200);
    const watcher = await server('watcher');
    await watcher.subscribe('$SYS/brokers/+/clients/d1/+');
    const nextEvent = async () => {
      const { topic, text } = await watcher.next();
      return { event: topic.split('/').at(-1), ...JSON.parse(text) };
    };

    const device = await connect(target.mqttUrl, 'd1', KEPT);
    expect(await nextEvent()).toMatchObject({ event: 'connected', clientid: 'd1' });
    for (const isNew of [true, false]) {
      await device.subscribe('device/d1/command');
      const event = await nextEvent();
      expect(event).toMatchObject({
        event: 'subscribed',
        clientid: 'd1',
        username: 'd1.1',
        protocol: 'mqtt',
        topic: 'device/d1/command',
        subopts: { qos: 1, nl: 0, is_new: isNew },
      });
      expect(typeof event.ts).toBe('number');
    }
    // A refused one is none.
    await device.subscribe('device/d2/command');
    await device.cut();
    expect(await nextEvent()).toMatchObject({ event: 'disconnected', reason: 'tcp_closed' });
    await connect(target.mqttUrl, 'd1', KEPT);
    expect(await nextEvent()).toMatchObject({ event: 'connected' });
    await (await connect(target.mqttUrl, 'd1', { clean: true })).subscribe('device/d1/command');
    expect(await nextEvent()).toMatchObject({ event: 'disconnected', reason: 'discarded' });
    expect(await nextEvent()).toMatchObject({ event: 'connected' });
    expect(await nextEvent()).toMatchObject({ event: 'subscribed', subopts: { is_new: true } });
  });
});

describe('a publish by REST', () => {
  test('is told apart, in bulk as well: 200 with ids, 202 where one has no subscriber', async () => {
    const { api } = target;
    const subscriber = await server('s1');
    await subscriber.subscribe('a');
    const reached = { topic: 'a', payload: 'x', qos: 1 };
    const lost = { topic: 'b', payload: 'x', qos: 1 };
    expect(await api('POST', '/publish', reached)).toMatchObject({
      status: 200,
      body: { id: expect.any(String) },
    });
    const nobody = { message: 'no_matching_subscribers', reason_code: 16 };
    expect(await api('POST', '/publish', lost)).toEqual({ status: 202, body: nobody });
    expect(await api('POST', '/publish/bulk', [reached, reached])).toMatchObject({
      status: 200,
      body: [{ id: expect.any(String) }, { id: expect.any(String) }],
    });
    expect(await api('POST', '/publish/bulk', [reached, lost])).toMatchObject({
      status: 202,
      body: [{ id: expect.any(String) }, nobody],
    });
    expect((await api('POST', '/publish', { ...reached, topic: 'a/#' })).status).toBe(400);
  });

  test('may expire before it is fetched', async () => {
    const { api } = target;
    const subscriber = await server('s1', KEPT);
    await subscriber.subscribe('a');
    await away(subscriber);
    const publish = (payload: string, message_expiry_interval: number) =>
      api('POST', '/publish', { topic: 'a', payload, qos: 1, properties: { message_expiry_interval } });
    expect((await publish('brief', 1)).status).toBe(200);
    expect((await publish('lasting', 60)).status).toBe(200);
    await Bun.sleep(1_600);
    expect((await (await server('s1', KEPT)).next()).text).toBe('lasting');
  });
});
