import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { allow, connect, expectStatus, openTarget, provision, type Target, WATCHER_ACL } from '../target.ts';

let target: Target;

beforeAll(async () => {
  target = await openTarget();
});
beforeEach(() => provision(target));
afterAll(() => target.close());

const watcher = () => connect(target.mqttUrl, 's1', { claims: { acl: WATCHER_ACL } });

test('messages are delayed unless that is turned off, which shows', async () => {
  const { api } = target;
  expect(await expectStatus(api('GET', '/mqtt/delayed'), 200)).toMatchObject({ enable: true });
  const off = { enable: false, max_delayed_messages: 0 };
  expect(await expectStatus(api('PUT', '/mqtt/delayed', off), 200)).toMatchObject(off);
  expect(await expectStatus(api('GET', '/mqtt/delayed'), 200)).toMatchObject(off);
});

test('a device may delay what it may publish, and it arrives after that time', async () => {
  const rules = [{ ...allow('a'), action: 'publish' }];
  await expectStatus(
    target.api('POST', '/authorization/sources/built_in_database/rules/all', { rules }),
    204,
  );
  const subscriber = await watcher();
  await subscriber.subscribe(['a', 'b']);
  const device = await connect(target.mqttUrl, 'd1');
  await device.publish('$delayed/1/b', 'refused', { qos: 1 });
  await device.publish('$delayed/1/a', 'late', { qos: 1 });
  await device.publish('a', 'at once', { qos: 1 });
  expect(await subscriber.next()).toMatchObject({ topic: 'a', text: 'at once' });
  expect(await subscriber.next()).toMatchObject({ topic: 'a', text: 'late' });
});

test('what waits is lost when that is turned off, and nothing new waits', async () => {
  const subscriber = await watcher();
  await subscriber.subscribe('a');
  const publisher = await connect(target.mqttUrl, 'p1', { claims: { acl: WATCHER_ACL } });
  await publisher.publish('$delayed/1/a', 'before', { qos: 1 });
  await expectStatus(target.api('PUT', '/mqtt/delayed', { enable: false, max_delayed_messages: 0 }), 200);
  await publisher.publish('$delayed/1/a', 'after', { qos: 1 });
  await expectStatus(target.api('PUT', '/mqtt/delayed', { enable: true, max_delayed_messages: 0 }), 200);
  await publisher.publish('$delayed/2/a', 'marker', { qos: 1 });
  expect(await subscriber.next()).toMatchObject({ text: 'marker' });
});
