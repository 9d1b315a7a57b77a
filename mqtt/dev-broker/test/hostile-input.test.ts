import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { generate, type Packet } from 'mqtt-packet';
import { type ImageBroker, provisionImage, startImageBroker } from './image-broker.ts';
import { picker } from './picker.ts';
import {
  connectPacket,
  field,
  openRaw,
  packet,
  publishPacket,
  sendRaw,
  subscribePacket,
} from './raw-packets.ts';
import { connect, WATCHER_ACL } from './target.ts';

let broker: ImageBroker;

beforeAll(async () => {
  broker = await startImageBroker();
  await provisionImage(broker);
});
afterAll(() => broker.close());

const SAMPLES: Packet[] = [
  {
    cmd: 'publish',
    topic: 'device/d1/data',
    payload: Buffer.from('{}'),
    qos: 1,
    messageId: 3,
    dup: false,
    retain: true,
    properties: { messageExpiryInterval: 5, userProperties: { a: 'b' }, contentType: 'text' },
  },
  {
    cmd: 'subscribe',
    messageId: 9,
    subscriptions: [
      { topic: 'device/d1/ping', qos: 1, nl: true, rap: true, rh: 1 },
      { topic: '$share/g/x', qos: 0 },
    ],
  },
  { cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['device/d1/ping'] },
  { cmd: 'pubrel', messageId: 1 },
  { cmd: 'disconnect', reasonCode: 4, properties: { sessionExpiryInterval: 10 } },
  { cmd: 'auth', reasonCode: 24, properties: { authenticationMethod: 'x' } },
];
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

describe('a publisher of MQTT 5', () => {
  test('whose user property is cut short ends its own connection, not that of a subscriber', async () => {
    const observer = await connect(broker.serverUrl, 'observer', {
      protocolVersion: 5,
      claims: { acl: WATCHER_ACL },
    });
    await observer.subscribe('device/d1/data');
    // Property 38, a name of one letter, and no value behind it.
    const property = Buffer.from([0x26, 0, 1, 0x61]);
    const publish = packet(0x30, field('device/d1/data'), Buffer.from([property.length]), property);
    const raw = await openRaw(broker.mqttPort);
    raw.send(await connectPacket('d1', { version: 5 }));
    await raw.read(4);
    raw.send(publish);
    await raw.untilClosed();
    await observer.publish('device/d1/data', 'own');
    const other = await connect(broker.mqttUrl, 'd1');
    await other.publish('device/d1/data', 'next');
    const texts = [(await observer.next()).text, (await observer.next()).text];
    expect(texts).toEqual(['own', 'next']);
    await observer.end();
  });
});

describe('random bytes', () => {
  test('behind a CONNECT of any version end at most their own connection', async () => {
    const target = await startImageBroker();
    await provisionImage(target);
    const observer = await connect(target.serverUrl, 'observer', {
      protocolVersion: 5,
      claims: { acl: WATCHER_ACL },
    });
    await observer.subscribe(['device/#', 'fence']);
    const pick = picker(11);
    for (let round = 0; round < 200; round++) {
      const bytes = Buffer.from(generate(SAMPLES[pick(SAMPLES.length)] as Packet, { protocolVersion: 5 }));
      for (let i = pick(4); i > 0; i--) bytes[pick(bytes.length)] = pick(256);
      const raw = await openRaw(target.mqttPort);
      raw.send(await connectPacket(`d${pick(20)}`, { version: pick(2) === 0 ? 4 : 5 }));
      await raw.read(4);
      raw.send(bytes);
      raw.cut();
    }
    await observer.publish('fence', 'alive');
    let message = await observer.next();
    while (message.topic !== 'fence') message = await observer.next();
    expect((await target.api('GET', '/nodes')).status).toBe(200);
    await target.close();
  }, 60_000);
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
