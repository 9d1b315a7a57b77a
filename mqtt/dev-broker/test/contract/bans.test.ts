import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { tryConnect } from '../mqtt-client.ts';
import {
  connect,
  expectStatus,
  openTarget,
  provision,
  returnCode,
  type Target,
  token,
  WATCHER_ACL,
} from '../target.ts';

let target: Target;

beforeAll(async () => {
  target = await openTarget();
});
beforeEach(() => provision(target));
afterAll(() => target.close());

const NOT_AUTHORISED = 5;

const attempt = async (clientId: string) =>
  returnCode(
    tryConnect(target.mqttUrl, {
      clientId,
      username: `${clientId}.1`,
      password: await token(clientId),
    }),
  );

describe('a ban', () => {
  test('of a client id ends its connection and keeps it out until it is lifted', async () => {
    const { api, mqttUrl } = target;
    const device = await connect(mqttUrl, 'd1');
    await expectStatus(api('POST', '/banned', { as: 'clientid', who: 'd1', by: 'test', reason: 'r' }), 200);
    await device.untilClosed();
    expect(await attempt('d1')).toBe(NOT_AUTHORISED);
    await expectStatus(api('DELETE', '/banned/clientid/d1'), 204);
    expect(await attempt('d1')).toBe(0);
  });

  test('of a user name leaves its connection alone and keeps it from coming back', async () => {
    const { api, mqttUrl } = target;
    const device = await connect(mqttUrl, 'd1');
    await expectStatus(api('POST', '/banned', { as: 'username', who: 'd1.1' }), 200);
    await device.subscribe('device/d1/ping');
    await device.publish('device/d1/ping', 'still here');
    expect((await device.next()).text).toBe('still here');
    await expectStatus(api('DELETE', '/clients/d1'), 204);
    await device.untilClosed();
    expect(await attempt('d1')).toBe(NOT_AUTHORISED);
  });

  test('keeps the will of its client from being published', async () => {
    const { api, mqttUrl } = target;
    const watcher = await connect(mqttUrl, 'watcher', { claims: { acl: WATCHER_ACL } });
    await watcher.subscribe(['device/#', '$SYS/brokers/+/clients/d1/disconnected']);
    const will = { topic: 'device/d1/data', payload: Buffer.from('gone'), qos: 1 as const, retain: false };
    const device = await connect(mqttUrl, 'd1', { will });
    await expectStatus(api('POST', '/banned', { as: 'clientid', who: 'd1' }), 200);
    await device.untilClosed();
    expect((await watcher.next()).topic).toEndWith('/clients/d1/disconnected');
    const other = await connect(mqttUrl, 'd2');
    await other.publish('device/d2/data', 'fence');
    expect((await watcher.next()).text).toBe('fence');
  });

  test('that is over already cannot be made', async () => {
    const until = new Date(Date.now() - 60_000).toISOString();
    const answer = await target.api('POST', '/banned', { as: 'clientid', who: 'd1', until });
    expect(answer).toMatchObject({ status: 400, body: { code: 'BAD_REQUEST' } });
  });

  test('of a kind that does not exist is a bad request', async () => {
    const answer = await target.api('POST', '/banned', { as: 'shoe_size', who: '45' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'BAD_REQUEST' } });
  });
});

describe('a kick', () => {
  test('ends a client and its session, and the event says so', async () => {
    const { api, mqttUrl } = target;
    const watcher = await connect(mqttUrl, 'watcher', { claims: { acl: WATCHER_ACL } });
    await watcher.subscribe('$SYS/brokers/+/clients/d1/disconnected');
    const device = await connect(mqttUrl, 'd1', { clean: false });
    await device.subscribe('device/d1/ping');
    await expectStatus(api('DELETE', '/clients/d1'), 204);
    await device.untilClosed();
    expect(JSON.parse((await watcher.next()).text)).toMatchObject({ clientid: 'd1', reason: 'kicked' });
    expect((await api('GET', '/clients/d1')).status).toBe(404);
    expect((await connect(mqttUrl, 'd1', { clean: false })).sessionPresent).toBe(false);
  });

  test('reaches several clients at once and does not mind an absent one', async () => {
    const { api, mqttUrl } = target;
    const devices = await Promise.all(['d1', 'd2'].map((clientId) => connect(mqttUrl, clientId)));
    await expectStatus(api('POST', '/clients/kickout/bulk', ['d1', 'nobody', 'd2']), 204);
    await Promise.all(devices.map((device) => device.untilClosed()));
  });
});
