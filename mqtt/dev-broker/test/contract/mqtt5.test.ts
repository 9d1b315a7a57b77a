import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { tryConnect } from '../mqtt-client.ts';
import { openPackets } from '../packet-client.ts';
import {
  type ClientOptions,
  connect,
  expectStatus,
  openTarget,
  provision,
  returnCode,
  type Target,
  token,
  untilAway,
  WATCHER_ACL,
} from '../target.ts';

let target: Target;

beforeAll(async () => {
  target = await openTarget();
});
beforeEach(() => provision(target));
afterAll(() => target.close());

const device = (clientId: string, options: ClientOptions = {}) =>
  connect(target.mqttUrl, clientId, { protocolVersion: 5, ...options });
const server = (clientId: string, options: ClientOptions = {}) =>
  device(clientId, { claims: { acl: WATCHER_ACL }, ...options });

describe('CONNACK of MQTT 5', () => {
  const attempt = async (clientId: string, password: string | undefined) =>
    returnCode(
      tryConnect(target.mqttUrl, {
        protocolVersion: 5,
        clientId,
        username: `${clientId}.1`,
        ...(password === undefined ? {} : { password }),
      }),
    );

  test('tells an expired token (134), a foreign one (135) and a ban (138) apart', async () => {
    expect(await attempt('d1', await token('d1'))).toBe(0);
    expect(await attempt('d1', await token('d1', { expiresIn: -1 }))).toBe(134);
    expect(await attempt('d1', await token('d1', { secret: 'x'.repeat(32) }))).toBe(135);
    await expectStatus(target.api('POST', '/banned', { as: 'clientid', who: 'd1' }), 200);
    expect(await attempt('d1', await token('d1'))).toBe(138);
  });
});

describe('PUBACK of MQTT 5', () => {
  test('says whether anyone subscribed: 16 for nobody, 0 for someone, online or not', async () => {
    const publisher = await server('p1');
    expect(await publisher.publishForReason('a', 'x')).toBe(16);
    const subscriber = await server('s1', { clean: false, properties: { sessionExpiryInterval: 60 } });
    await subscriber.subscribe('a');
    expect(await publisher.publishForReason('a', 'x')).toBe(0);
    await subscriber.cut();
    await untilAway(target.api, 's1');
    expect(await publisher.publishForReason('a', 'x')).toBe(0);
  });

  test('is 135 for a refused publish, SUBACK likewise', async () => {
    const client = await device('d1');
    expect(await client.publishForReason('device/d2/ping', 'x')).toBe(135);
    expect(await client.subscribe(['device/d2/ping', 'device/d1/ping'])).toEqual([135, 1]);
  });
});

describe('DISCONNECT of MQTT 5', () => {
  test('tells the old holder of a session that it was taken over (142), if it is told anything', async () => {
    const options = { clean: false, properties: { sessionExpiryInterval: 60 } };
    const first = await device('d1', options);
    const second = await device('d1', options);
    // EMQX has been seen to close the connection before it says so.
    expect([142, undefined]).toContain(await first.disconnectReason());
    expect(second.sessionPresent).toBe(true);
  });

  test('tells a kicked client that an operator did it (152)', async () => {
    const client = await device('d1');
    await expectStatus(target.api('DELETE', '/clients/d1'), 204);
    expect(await client.disconnectReason()).toBe(152);
  });

  test('tells a client whose token has expired that it is not authorised any more (135)', async () => {
    const client = await device('d1', { claims: { expiresIn: 2 } });
    expect(await client.disconnectReason()).toBe(135);
  });
});

describe('a session of MQTT 5', () => {
  test('ends with its connection unless it asks for an expiry interval', async () => {
    const brief = await device('d1', { clean: false });
    await brief.cut();
    await untilAway(target.api, 'd1');
    expect((await target.api('GET', '/clients/d1')).status).toBe(404);
    const lasting = await device('d2', { clean: true, properties: { sessionExpiryInterval: 60 } });
    await lasting.subscribe('device/d2/ping');
    await lasting.cut();
    await untilAway(target.api, 'd2');
    const { body } = await target.api('GET', '/clients/d2');
    expect(body).toMatchObject({ connected: false, is_persistent: true, expiry_interval: 60 });
  });

  test('is sent no more unacknowledged messages than its receive maximum', async () => {
    const holder = await openPackets(target.mqttUrl, {
      cmd: 'connect',
      protocolVersion: 5,
      clientId: 's1',
      username: 's1.1',
      password: Buffer.from(await token('s1', { acl: WATCHER_ACL })),
      clean: true,
      keepalive: 60,
      properties: { receiveMaximum: 2 },
    });
    holder.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
    await holder.next('suback');
    const publisher = await server('p1');
    for (let i = 0; i < 4; i++) await publisher.publish('a', String(i));
    const first = await holder.next('publish');
    await holder.next('publish');
    holder.send({ cmd: 'pingreq' });
    await holder.next('pingresp');
    expect(holder.waiting()).toEqual([]);
    expect((await target.api('GET', '/clients/s1')).body).toMatchObject({ inflight_max: 2 });
    if (first.messageId !== undefined) holder.send({ cmd: 'puback', messageId: first.messageId });
    expect((await holder.next('publish')).payload.toString()).toBe('2');
    holder.close();
  });
});

describe('a subscription of MQTT 5', () => {
  test('may hold back its own messages, and show the retain flag of others', async () => {
    const client = await server('s1');
    await client.mqtt.subscribeAsync('a', { qos: 1, nl: true, rap: true });
    await client.publish('a', 'own');
    const other = await server('p1');
    await other.publish('a', 'kept', { retain: true });
    expect(await client.next()).toMatchObject({ text: 'kept', retain: true });
  });

  test('may do without retained messages, or take them at the first SUBSCRIBE alone', async () => {
    const publisher = await server('p1');
    await publisher.publish('a', 'kept', { retain: true });
    const client = await server('s1');
    await client.mqtt.subscribeAsync('a', { qos: 1, rh: 1 });
    expect(await client.next()).toMatchObject({ text: 'kept', retain: true });
    await client.mqtt.subscribeAsync('a', { qos: 1, rh: 1 });
    const never = await server('s2');
    await never.mqtt.subscribeAsync('a', { qos: 1, rh: 2 });
    await publisher.publish('a', 'fence');
    expect((await client.next()).text).toBe('fence');
    expect((await never.next()).text).toBe('fence');
  });
});

describe('the expiry of a message', () => {
  test('keeps it from who comes back later, of MQTT 3.1.1 as well', async () => {
    for (const protocolVersion of [4, 5] as const) {
      const options = { protocolVersion, clean: false, properties: { sessionExpiryInterval: 60 } };
      const away = await server('s1', options);
      await away.subscribe('a');
      await away.cut();
      await untilAway(target.api, 's1');
      const publisher = await server('p1');
      await publisher.publish('a', 'brief', { messageExpiryInterval: 1 });
      await publisher.publish('a', 'lasting', { messageExpiryInterval: 60 });
      // EMQX has no clock that could be advanced.
      await Bun.sleep(1_600);
      expect((await (await server('s1', options)).next()).text).toBe('lasting');
    }
  });
});

describe('a will of MQTT 5', () => {
  const will = {
    topic: 'device/d1/data',
    payload: Buffer.from('gone'),
    qos: 1 as const,
    retain: false,
    properties: { willDelayInterval: 1 },
  };

  test('waits for its delay, and is dropped when its client takes the session up again', async () => {
    const watcher = await server('watcher');
    await watcher.subscribe('device/d1/data');
    const options = { will, clean: false, properties: { sessionExpiryInterval: 60 } };
    await (await device('d1', options)).cut();
    await untilAway(target.api, 'd1');
    const back = await device('d1', options);
    await back.publish('device/d1/data', 'back');
    expect((await watcher.next()).text).toBe('back');
    await back.cut();
    expect((await watcher.next()).text).toBe('gone');
  });
});
