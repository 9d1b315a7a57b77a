import { afterEach, describe, expect, test } from 'bun:test';
import type { IConnectPacket } from 'mqtt-packet';
import { type ImageBroker, provisionImage, startImageBroker } from './image-broker.ts';
import { ManualClock } from './manual-clock.ts';
import { tryConnect } from './mqtt-client.ts';
import { openPackets } from './packet-client.ts';
import { connect, expectStatus, returnCode, token, untilAway, WATCHER_ACL } from './target.ts';

let brokers: ImageBroker[] = [];

afterEach(async () => {
  await Promise.all(brokers.map((broker) => broker.close()));
  brokers = [];
});

async function start(...[options]: Parameters<typeof startImageBroker>): Promise<ImageBroker> {
  const broker = await startImageBroker(options);
  brokers.push(broker);
  return broker;
}

const server = (broker: ImageBroker, clientId: string, clean = true) =>
  connect(broker.serverUrl, clientId, { clean, claims: { acl: WATCHER_ACL, expiresIn: 24 * 3600 } });
const impostor = (url: string) =>
  tryConnect(url, { clientId: 'd1', username: 'd1.1', password: 'made up', clean: false });
const hello = async (clientId: string, clean: boolean): Promise<IConnectPacket> => ({
  cmd: 'connect',
  clientId,
  username: `${clientId}.1`,
  password: Buffer.from(await token(clientId, { acl: WATCHER_ACL })),
  clean,
  keepalive: 60,
});

describe('a broker that boots', () => {
  test('accepts everyone until its authentication is hooked in; who got in then stays', async () => {
    const broker = await start({ openAtBootMs: 'held' });
    const admitted = await impostor(broker.mqttUrl);
    if (!admitted.ok) throw new Error('the impostor was refused');
    expect((await broker.api('GET', '/nodes')).status).toBe(503);
    // Authorization holds all the while.
    expect(await admitted.client.subscribe('device/d1/command')).toEqual([128]);
    broker.hookAuthentication();
    expect(await returnCode(tryConnect(broker.mqttUrl, { clientId: 'd2' }))).not.toBe(0);
    expect((await broker.api('GET', '/clients/d1')).body).toMatchObject({
      connected: true,
      auth_expire_at: null,
    });
    expect(await admitted.client.subscribe('device/d1/command')).toEqual([128]);
  });

  test('closes the window by itself after the time that is given', async () => {
    const clock = new ManualClock(Date.now());
    const broker = await start({ openAtBootMs: 270, clock });
    expect((await impostor(broker.mqttUrl)).ok).toBe(true);
    clock.advance(270);
    expect((await impostor(broker.mqttUrl)).ok).toBe(false);
  });

  test('does so again at each restart that asks for it, and bans hold meanwhile', async () => {
    const broker = await start();
    await provisionImage(broker);
    await expectStatus(broker.api('POST', '/banned', { as: 'clientid', who: 'd2' }), 200);
    await broker.restart({ deviceListener: 'open', openAtBootMs: 'held' });
    expect((await impostor(broker.mqttUrl)).ok).toBe(true);
    const banned = tryConnect(broker.mqttUrl, {
      clientId: 'd2',
      username: 'd2.1',
      password: await token('d2'),
    });
    expect(await returnCode(banned)).toBe(5);
    broker.hookAuthentication();
    expect((await impostor(broker.mqttUrl)).ok).toBe(false);
  });

  test('with a closed device listener lets nobody in until that is started, at every boot', async () => {
    const broker = await start({ deviceListener: 'closed', openAtBootMs: 'held' });
    expect(await impostor(broker.mqttUrl)).toEqual({ ok: false, returnCode: expect.anything() });
    broker.hookAuthentication();
    await provisionImage(broker);
    await server(broker, 's1');
    await expectStatus(broker.api('POST', '/listeners/tcp:default/start'), 200);
    const device = await connect(broker.mqttUrl, 'd1');
    await broker.restart({ deviceListener: 'closed' });
    await device.untilClosed();
    expect((await tryConnect(broker.mqttUrl, { clientId: 'd1' })).ok).toBe(false);
    expect((await broker.api('GET', '/listeners/tcp:default')).body).toMatchObject({ enable: false });
    await server(broker, 's1');
  });
});

describe('a restart', () => {
  test('keeps what is configured and loses sessions with their queues', async () => {
    const broker = await start();
    await provisionImage(broker);
    const kept = await server(broker, 's1', false);
    await kept.subscribe('a');
    await kept.end();
    await untilAway(broker.api, 's1');
    await (await server(broker, 'p1')).publish('a', 'queued');
    await broker.restart();
    const back = await server(broker, 's1', false);
    expect(back.sessionPresent).toBe(false);
    expect((await broker.api('GET', '/clients/s1')).body).toMatchObject({
      subscriptions_cnt: 0,
      mqueue_len: 0,
    });
    expect((await broker.api('GET', '/authentication')).body).toMatchObject([{ id: 'jwt' }, {}]);
  });

  test('takes nobody and answers no call between stop and boot', async () => {
    const broker = await start();
    await provisionImage(broker);
    broker.stop();
    expect((await tryConnect(broker.mqttUrl, { clientId: 'd1' })).ok).toBe(false);
    expect((await broker.api('GET', '/nodes')).status).toBe(503);
    await broker.boot({ deviceListener: 'open' });
    await connect(broker.mqttUrl, 'd1');
  });

  test('after a kill may be without the newest bans', async () => {
    const broker = await start();
    await provisionImage(broker);
    for (const who of ['old', 'new'])
      await expectStatus(broker.api('POST', '/banned', { as: 'clientid', who }), 200);
    await broker.restart({ loss: { bans: 1 } });
    expect((await broker.api('GET', '/banned')).body).toMatchObject({
      data: [{ who: 'old' }],
      meta: { count: 1 },
    });
  });

  test('keeps retained messages on disc and loses those in ram', async () => {
    const broker = await start();
    await provisionImage(broker);
    const retain = async () => (await server(broker, 'p1')).publish('a', 'kept', { retain: true });
    const status = async () => (await broker.api('GET', '/mqtt/retainer/message/a')).status;
    await retain();
    await broker.restart();
    expect(await status()).toBe(200);
    const retainer = (await broker.api('GET', '/mqtt/retainer')).body as { backend: object };
    const ram = { ...retainer, backend: { ...retainer.backend, storage_type: 'ram' } };
    await expectStatus(broker.api('PUT', '/mqtt/retainer', ram), 200);
    await broker.restart();
    expect(await status()).toBe(404);
  });
});

describe('base.hocon', () => {
  const inflight = async (broker: ImageBroker) => {
    const client = await server(broker, 's1');
    const { body } = await broker.api('GET', '/clients/s1');
    await client.end();
    return (body as { inflight_max: number }).inflight_max;
  };
  const newer = { baseConfig: 'zones.server.mqtt.max_inflight = 77' };

  test('of another image is read at a boot as long as nothing was changed by REST', async () => {
    const broker = await start();
    await broker.restart(newer);
    await provisionImage(broker);
    expect(await inflight(broker)).toBe(77);
  });

  test('is not read any more once something was: the values have to be set by REST', async () => {
    const broker = await start();
    await provisionImage(broker);
    await broker.restart(newer);
    expect(await inflight(broker)).toBe(2048);
    await expectStatus(broker.api('PUT', '/configs?mode=merge', newer.baseConfig), 200);
    expect(await inflight(broker)).toBe(77);
    await broker.restart();
    expect(await inflight(broker)).toBe(77);
  });
});

describe('faults', () => {
  test('a session is killed with its queue; nothing tells of it', async () => {
    const broker = await start();
    await provisionImage(broker);
    const watcher = await server(broker, 'watcher');
    await watcher.subscribe('$SYS/brokers/+/clients/s1/disconnected');
    const victim = await server(broker, 's1', false);
    await victim.subscribe('a');
    expect(broker.killSession('s1')).toBe(true);
    await victim.untilClosed();
    expect((await broker.api('GET', '/clients/s1')).status).toBe(404);
    const publisher = await connect(broker.serverUrl, 'p1', {
      protocolVersion: 5,
      claims: { acl: WATCHER_ACL },
    });
    expect(await publisher.publishForReason('a', 'lost')).toBe(16);
    expect((await server(broker, 's1', false)).sessionPresent).toBe(false);
    expect(watcher.pending()).toEqual([]);
    expect(broker.killSession('nobody')).toBe(false);
  });

  test('a retained message is acknowledged and not stored', async () => {
    const broker = await start();
    await provisionImage(broker);
    broker.swallowRetained(1);
    const publisher = await server(broker, 'p1');
    for (const topic of ['a', 'b']) await publisher.publish(topic, 'kept', { retain: true });
    expect((await broker.api('GET', '/mqtt/retainer/message/a')).status).toBe(404);
    expect((await broker.api('GET', '/mqtt/retainer/message/b')).status).toBe(200);
  });

  test('a message overtakes the SUBACK', async () => {
    const broker = await start();
    await provisionImage(broker);
    const watcher = await server(broker, 'watcher');
    await watcher.subscribe('$SYS/brokers/+/clients/s1/subscribed');
    const release = broker.holdSubacks();
    const subscriber = await openPackets(broker.serverUrl, await hello('s1', true));
    subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
    expect(JSON.parse((await watcher.next()).text)).toMatchObject({ topic: 'a' });
    await (await server(broker, 'p1')).publish('a', 'early');
    expect((await subscriber.next('publish')).payload.toString()).toBe('early');
    expect(subscriber.waiting()).toEqual([]);
    release();
    expect(await subscriber.next('suback')).toMatchObject({ granted: [1] });
    subscriber.close();
  });

  test('a take-over gives messages again that had been acknowledged', async () => {
    const broker = await start();
    await provisionImage(broker);
    broker.redeliverAcknowledged(2);
    const first = await openPackets(broker.serverUrl, await hello('s1', false));
    first.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] });
    await first.next('suback');
    const publisher = await server(broker, 'p1');
    const ids: (number | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      await publisher.publish('a', String(i));
      const { messageId } = await first.next('publish');
      ids.push(messageId);
      if (messageId !== undefined && i < 3) first.send({ cmd: 'puback', messageId });
    }
    first.send({ cmd: 'pingreq' });
    await first.next('pingresp');
    const second = await openPackets(broker.serverUrl, await hello('s1', false));
    for (const i of [1, 2, 3]) {
      const { payload, dup, messageId } = await second.next('publish');
      expect([payload.toString(), dup, messageId]).toEqual([String(i), true, ids[i]]);
      if (messageId !== undefined) second.send({ cmd: 'puback', messageId });
    }
    await publisher.publish('a', 'next');
    expect((await second.next('publish')).payload.toString()).toBe('next');
    second.close();
  });

  test('counts of a session lag behind after its disconnect', async () => {
    const clock = new ManualClock(Date.now());
    const broker = await start({ clock, statsLagMs: 1000 });
    await provisionImage(broker);
    const subscriber = await server(broker, 's1', false);
    await subscriber.subscribe('a');
    await subscriber.cut();
    await untilAway(broker.api, 's1');
    await (await server(broker, 'p1')).publish('a', 'queued');
    const queued = async () =>
      ((await broker.api('GET', '/clients/s1')).body as { mqueue_len: number }).mqueue_len;
    expect(await queued()).toBe(0);
    clock.advance(1000);
    expect(await queued()).toBe(1);
  });

  test('REST fails for the calls that are picked, and for no other', async () => {
    const broker = await start();
    broker.failApi(500, (method, path) => method === 'GET' && path.startsWith('/clients/d1'));
    expect((await broker.api('GET', '/clients/d1')).status).toBe(500);
    expect((await broker.api('GET', '/clients/d2')).status).toBe(404);
    expect((await broker.api('GET', '/nodes')).status).toBe(200);
  });
});

describe('a silent client', () => {
  test('is ended after one and a half times its keep-alive, and its will is published', async () => {
    const broker = await start();
    await provisionImage(broker);
    const watcher = await server(broker, 'watcher');
    await watcher.subscribe(['device/d1/data', '$SYS/brokers/+/clients/d1/disconnected']);
    const will = { topic: 'device/d1/data', payload: Buffer.from('gone') };
    const password = Buffer.from(await token('d1'));
    const silent = await openPackets(broker.mqttUrl, {
      cmd: 'connect',
      clientId: 'd1',
      username: 'd1.1',
      password,
      will,
      clean: true,
      keepalive: 1,
    });
    await silent.untilClosed();
    expect((await watcher.next()).text).toBe('gone');
    expect(JSON.parse((await watcher.next()).text)).toMatchObject({ reason: 'keepalive_timeout' });
  });
});
