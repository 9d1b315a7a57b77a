import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type ImageBroker, provisionImage, startImageBroker } from './image-broker.ts';
import { connectPacket, publishPacket, sendRaw, subscribePacket } from './raw-packets.ts';
import { connect, WATCHER_ACL } from './target.ts';

let broker: ImageBroker;

beforeAll(async () => {
  broker = await startImageBroker();
  await provisionImage(broker);
});
afterAll(() => broker.close());

const CONNACK_OK = Buffer.from([0x20, 2, 0, 0]);

describe('a connection is closed', () => {
  test('without an answer when it does not begin with CONNECT', async () => {
    expect(await sendRaw(broker.mqttPort, publishPacket('device/d1/ping'))).toEqual(Buffer.alloc(0));
    expect(await sendRaw(broker.mqttPort, Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toEqual(Buffer.alloc(0));
  });

  test('on a second CONNECT', async () => {
    const hello = await connectPacket('d1');
    expect(await sendRaw(broker.mqttPort, hello, hello)).toEqual(CONNACK_OK);
  });

  test('with return code 2 when it wants a session without a client id', async () => {
    const answer = await sendRaw(broker.mqttPort, await connectPacket('', { flags: 0 }));
    expect(answer).toEqual(Buffer.from([0x20, 2, 0, 2]));
  });

  const topics = ['a/+', '#', 'a/#/b', '', 'a\0b'];
  test.each(topics)('on PUBLISH to %j', async (topic) => {
    expect(await sendRaw(broker.mqttPort, await connectPacket('d1'), publishPacket(topic))).toEqual(
      CONNACK_OK,
    );
  });

  const filters = [
    'a#',
    'a/#/b',
    'a+',
    '+a',
    '',
    '$share/g',
    '$share/g/',
    '$share//a',
    '$share/+/a',
    '$share/g/$share/h/a',
  ];
  test.each(filters)('on SUBSCRIBE to %j', async (filter) => {
    expect(await sendRaw(broker.mqttPort, await connectPacket('d1'), subscribePacket(filter))).toEqual(
      CONNACK_OK,
    );
  });

  test('on a length that never ends', async () => {
    const endless = Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]);
    expect(await sendRaw(broker.mqttPort, await connectPacket('d1'), endless)).toEqual(CONNACK_OK);
  });
});

describe('a packet above max_packet_size', () => {
  /** The fixed header of a PUBLISH of this many bytes: the body is never sent. */
  const header = (bytes: number) =>
    Buffer.from([0x30, (bytes & 0x7f) | 0x80, ((bytes >> 7) & 0x7f) | 0x80, bytes >> 14]);

  test('closes the public listener at its header, 16 KB being the limit', async () => {
    const hello = await connectPacket('d1');
    expect(await sendRaw(broker.mqttPort, hello, header(16 * 1024 + 1))).toEqual(CONNACK_OK);
    expect(await sendRaw(broker.mqttPort, header(16 * 1024 + 1))).toEqual(Buffer.alloc(0));
  });

  test('of 1 MB closes the listener of the server', async () => {
    const hello = await connectPacket('d1');
    expect(await sendRaw(broker.serverPort, hello, header(1024 ** 2 + 1))).toEqual(CONNACK_OK);
  });

  test('is not met by one at the limit', async () => {
    const observer = await connect(broker.serverUrl, 'observer', { claims: { acl: WATCHER_ACL } });
    await observer.subscribe('device/d1/data');
    const device = await connect(broker.mqttUrl, 'd1');
    const overhead = 2 + 'device/d1/data'.length + 2;
    await device.publish('device/d1/data', 'x'.repeat(16 * 1024 - overhead));
    expect((await observer.next()).text).toHaveLength(16 * 1024 - overhead);
    const large = 'y'.repeat(100_000);
    const server = await connect(broker.serverUrl, 'server', { claims: { acl: WATCHER_ACL } });
    await server.publish('device/d1/data', large);
    expect((await observer.next()).text).toBe(large);
    await observer.end();
  });
});

describe('a client id', () => {
  test.each(['__proto__', 'constructor', 'a/b', 'é☃', 'x'.repeat(300)])('may be %j', async (clientId) => {
    const client = await connect(broker.mqttUrl, clientId);
    const { body } = await broker.api('GET', `/clients/${encodeURIComponent(clientId)}`);
    expect(body).toMatchObject({ clientid: clientId, connected: true });
    await client.end();
  });

  test('that twenty connections want at once ends up with one of them', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => connect(broker.mqttUrl, 'wanted')),
    );
    const clients = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const last = await connect(broker.mqttUrl, 'wanted');
    await Promise.all(clients.map((client) => client.untilClosed()));
    await last.subscribe('device/wanted/ping');
    await last.publish('device/wanted/ping', 'held back');
    const { body } = await broker.api('GET', '/clients?clientid=wanted');
    expect(body).toMatchObject({ data: [{ connected: true, subscriptions_cnt: 1 }], meta: { count: 1 } });
  });
});

describe('levels of a topic', () => {
  test('are at most eight: a subscription is refused, a publish closes the connection', async () => {
    const eight = 'device/d1/3/4/5/6/7/8';
    const device = await connect(broker.mqttUrl, 'd1');
    expect(await device.subscribe([eight, `${eight}/9`])).toEqual([1, 128]);
    await device.publish(eight, 'fine');
    device.mqtt.publish(`${eight}/9`, 'too deep');
    await device.untilClosed();
  });
});
