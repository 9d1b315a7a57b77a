import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { type ImageBroker, provisionImage, startImageBroker } from './image-broker.ts';
import { ManualClock } from './manual-clock.ts';
import { tryConnect } from './mqtt-client.ts';
import {
  AUTHENTICATOR,
  allow,
  connect,
  expectStatus,
  returnCode,
  setRulesForAll,
  token,
  untilAway,
  WATCHER_ACL,
} from './target.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

let clock: ManualClock;
let broker: ImageBroker;

beforeEach(async () => {
  clock = new ManualClock(Math.floor(Date.now() / 1000) * 1000);
  broker = await startImageBroker({ clock });
  await provisionImage(broker);
});
afterEach(() => broker.close());

const server = (clientId: string, clean = true) =>
  connect(broker.serverUrl, clientId, { clean, claims: { acl: WATCHER_ACL, expiresIn: 30 * 24 * 3600 } });

describe('time', () => {
  test('ends a connection when its token expires, and not before', async () => {
    const watcher = await server('watcher');
    await watcher.subscribe('$SYS/brokers/+/clients/d1/disconnected');
    const device = await connect(broker.mqttUrl, 'd1', { claims: { expiresIn: 3600 } });
    // The token counts from the machine's time, which may be seconds ahead of the clock.
    clock.advance(HOUR_MS - 2000);
    await device.publish('device/d1/ping', 'alive');
    clock.advance(MINUTE_MS);
    await device.untilClosed();
    expect(JSON.parse((await watcher.next()).text)).toMatchObject({ reason: 'not_authorized' });
  });

  test('ends the rights of an expired token where its connection is not ended', async () => {
    const lenient = { ...AUTHENTICATOR, disconnect_after_expire: false };
    await expectStatus(broker.api('PUT', '/authentication/jwt', lenient), 204);
    const claims = { expiresIn: 3600, acl: [allow('a/#')] };
    const device = await connect(broker.mqttUrl, 'd1', { claims });
    expect(await device.subscribe('a/1')).toEqual([1]);
    // As above, the token may count from a later second.
    clock.advance(HOUR_MS + MINUTE_MS);
    expect(await device.subscribe(['a/2', 'device/d1/ping'])).toEqual([128, 128]);
  });

  test('ends what the authorization cache hides', async () => {
    const device = await connect(broker.mqttUrl, 'd1');
    expect(await device.subscribe('device/d1/ping')).toEqual([1]);
    await setRulesForAll(broker.api, [allow('other')]);
    clock.advance(MINUTE_MS - 1);
    expect(await device.subscribe('device/d1/ping')).toEqual([1]);
    clock.advance(1);
    expect(await device.subscribe('device/d1/ping')).toEqual([128]);
  });

  test('ends a ban', async () => {
    const until = new Date(clock.now() + MINUTE_MS).toISOString();
    await expectStatus(broker.api('POST', '/banned', { as: 'username', who: 'd1.1', until }), 200);
    const attempt = async () =>
      returnCode(
        tryConnect(broker.mqttUrl, { clientId: 'd1', username: 'd1.1', password: await token('d1') }),
      );
    expect(await attempt()).toBe(5);
    clock.advance(MINUTE_MS);
    expect(await attempt()).toBe(0);
    expect((await broker.api('GET', '/banned')).body).toMatchObject({ data: [] });
  });

  test('ends a session that nobody comes back for', async () => {
    const away = await server('s1', false);
    await away.subscribe('a');
    await away.cut();
    await untilAway(broker.api, 's1');
    clock.advance(24 * HOUR_MS - 1);
    expect((await broker.api('GET', '/clients/s1')).status).toBe(200);
    clock.advance(1);
    expect((await broker.api('GET', '/clients/s1')).status).toBe(404);
    expect((await server('s1', false)).sessionPresent).toBe(false);
  });

  test('does not end a session that is used again', async () => {
    await (await server('s1', false)).cut();
    await untilAway(broker.api, 's1');
    clock.advance(23 * HOUR_MS);
    const back = await server('s1', false);
    clock.advance(2 * HOUR_MS);
    await back.subscribe('a');
    await back.publish('b', 'still');
    expect((await broker.api('GET', '/clients/s1')).body).toMatchObject({
      connected: true,
      subscriptions_cnt: 1,
    });
  });

  test('hands what an ended session had of a share group to another member', async () => {
    const away = await server('s1', false);
    await away.subscribe('$share/g/a');
    await away.cut();
    await untilAway(broker.api, 's1');
    const publisher = await server('p1');
    await publisher.publish('a', 'orphan');
    const staying = await server('s2');
    await staying.subscribe('$share/g/a');
    clock.advance(24 * HOUR_MS);
    expect((await staying.next()).text).toBe('orphan');
  });
});
