import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type ImageBroker, provisionImage, startImageBroker } from './image-broker.ts';
import { connectPacket, field, openRaw, packet, subscribePacket } from './raw-packets.ts';
import { connect, untilAway, WATCHER_ACL } from './target.ts';

let broker: ImageBroker;

beforeAll(async () => {
  broker = await startImageBroker();
  await provisionImage(broker);
});
afterAll(() => broker.close());

const TOPIC = 'device/d1/data';
const PERSISTENT = { flags: 0xc0 };
const pubrec = (id: Buffer) => Buffer.concat([Buffer.from([0x50, 2]), id]);
const pubrel = (id: Buffer) => Buffer.concat([Buffer.from([0x62, 2]), id]);
const pubcomp = (id: Buffer) => Buffer.concat([Buffer.from([0x70, 2]), id]);

describe('QoS 2', () => {
  test('from a client: the same packet sent twice is one message', async () => {
    const observer = await connect(broker.serverUrl, 'observer', { claims: { acl: WATCHER_ACL } });
    await observer.subscribe(TOPIC);
    const device = await openRaw(broker.mqttPort);
    device.send(await connectPacket('d1'));
    await device.read(4);
    const id = Buffer.from([0, 7]);
    const publish = (flags: number, text: string) =>
      packet(0x30 | flags, field(TOPIC), id, Buffer.from(text));
    device.send(publish(0x04, 'once'));
    expect(await device.read(4)).toEqual(pubrec(id));
    device.send(publish(0x0c, 'once'));
    expect(await device.read(4)).toEqual(pubrec(id));
    device.send(pubrel(id));
    expect(await device.read(4)).toEqual(pubcomp(id));
    device.send(publish(0x04, 'next'));
    expect((await observer.next()).text).toBe('once');
    expect((await observer.next()).text).toBe('next');
    device.cut();
    await observer.end();
  });

  test('to a client: what it has received is only released again when it comes back', async () => {
    const publisher = await connect(broker.serverUrl, 'publisher', { claims: { acl: WATCHER_ACL } });
    const first = await openRaw(broker.mqttPort);
    first.send(await connectPacket('d1', PERSISTENT));
    await first.read(4);
    first.send(subscribePacket(TOPIC, 2));
    await first.read(5);
    await publisher.publish(TOPIC, 'x', { qos: 2 });
    const publish = await first.read(2 + 2 + TOPIC.length + 2 + 1);
    const id = publish.subarray(-3, -1);
    first.send(pubrec(id));
    expect(await first.read(4)).toEqual(pubrel(id));
    first.cut();
    await untilAway(broker.api, 'd1');

    const second = await openRaw(broker.mqttPort);
    second.send(await connectPacket('d1', PERSISTENT));
    expect(await second.read(4)).toEqual(Buffer.from([0x20, 2, 1, 0]));
    expect(await second.read(4)).toEqual(pubrel(id));
    second.send(pubcomp(id), Buffer.from([0xc0, 0]));
    expect(await second.read(2)).toEqual(Buffer.from([0xd0, 0]));
    expect((await broker.api('GET', '/clients/d1')).body).toMatchObject({ inflight_cnt: 0 });
    second.cut();
    await publisher.end();
  });
});
