import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startServer } from '../dev/stack.ts';
import type { Services } from '../src/server.ts';
import {
  connectDevice,
  inbox,
  registerDevice,
  type Stack,
  startStack,
  until,
  untilReady,
} from './harness.ts';
import { silentLog } from './logs.ts';

const PINGS = 60;
let stack: Stack;
let second: Services;

beforeAll(async () => {
  stack = await startStack();
  second = await startServer({ ...stack.env, PORT: '0', INSTANCE_ID: 'second' }, { log: silentLog() });
  await untilReady(second.url);
}, 60_000);
afterAll(async () => {
  await second.close();
  await stack.close();
});

const answered = (services: Services) => services.messageCounts()['ping:answered'] ?? 0;

test('two servers share the PINGs, each answered once, and one takes over when the other leaves', async () => {
  const device = await registerDevice(stack.url);
  const client = await connectDevice(stack.broker.mqttUrl, device);
  const received = inbox(client);
  const topic = `device/${device.uuid}/ping`;
  await client.subscribeAsync(topic, { qos: 1 });
  const ping = () => client.publishAsync(topic, '{"c":"PING"}', { qos: 1 });

  await Promise.all(Array.from({ length: PINGS }, ping));
  await until('all PONGs are back', () => received.all.length >= PINGS);
  expect(answered(stack.services) + answered(second)).toBe(PINGS);
  expect(answered(stack.services)).toBeGreaterThan(0);
  expect(answered(second)).toBeGreaterThan(0);

  await second.close();
  await Promise.all(Array.from({ length: PINGS }, ping));
  await until('all PONGs are back', () => received.all.length >= 2 * PINGS);
  expect(received.all).toHaveLength(2 * PINGS);
  expect(answered(stack.services) + answered(second)).toBe(2 * PINGS);
  await client.endAsync();
}, 30_000);
