import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { z } from 'zod';
import { writeLastSeen } from '../src/devices/last-seen.ts';
import { callApi, createApiKey } from './devices.ts';
import {
  connectDevice,
  inbox,
  registerDevice,
  type Stack,
  startStack,
  type TestDevice,
  until,
} from './harness.ts';

const PING = '{"c":"PING"}';
const PONG = '{"c":"PONG"}';

let stack: Stack;
let device: TestDevice;
let client: MqttClient;

beforeAll(async () => {
  stack = await startStack();
  device = await registerDevice(stack.url);
  client = await connectDevice(stack.broker.mqttUrl, device);
}, 60_000);
afterAll(async () => {
  await client.endAsync();
  await stack.close();
});

/** Runs `action` and tells what it changed in the server's message counts, once they add up to `messages`. */
async function countsOf(messages: number, action: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = stack.services.messageCounts();
  let changed: Record<string, number> = {};
  await action();
  await until(`the server has handled ${messages} messages`, () => {
    const now = Object.entries(stack.services.messageCounts());
    changed = Object.fromEntries(
      now
        .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
        .filter(([, count]) => count > 0),
    );
    return Object.values(changed).reduce((sum, count) => sum + count, 0) >= messages;
  });
  return changed;
}

describe('a PING', () => {
  for (const form of ['device', '/device']) {
    test.each([0, 1, 2] as const)(
      `on ${form}/… with QoS %i has one PONG on the same topic, not retained`,
      async (qos) => {
        const topic = `${form}/${device.uuid}/ping`;
        const received = inbox(client);
        await client.subscribeAsync(topic, { qos: 2 });
        const counts = await countsOf(1, () => client.publishAsync(topic, PING, { qos }));
        expect(await received.next()).toEqual({ topic, payload: PONG, qos, retain: false });
        expect(counts).toEqual({ 'ping:answered': 1 });
        await client.unsubscribeAsync(topic);
        // A retained PONG would be given to a new subscriber before what is published behind it.
        await client.subscribeAsync(topic, { qos: 2 });
        await client.publishAsync(topic, PING, { qos });
        await received.next();
        expect(received.all).toHaveLength(2);
        await client.unsubscribeAsync(topic);
      },
    );
  }

  test('is answered once each, in order, when hundreds come at once', async () => {
    const topic = `device/${device.uuid}/ping`;
    const received = inbox(client);
    await client.subscribeAsync(topic, { qos: 1 });
    const counts = await countsOf(300, () =>
      Promise.all(Array.from({ length: 300 }, () => client.publishAsync(topic, PING, { qos: 1 }))),
    );
    expect(counts).toEqual({ 'ping:answered': 300 });
    await until('all PONGs are back', () => received.all.length >= 300);
    expect(received.all).toHaveLength(300);
    await client.unsubscribeAsync(topic);
  });

  test('tells operators how long its answer takes', async () => {
    const answer = await callApi(stack, await createApiKey(stack, 'viewer'), 'GET', '/broker');
    const { pingMs } = z.object({ pingMs: z.number() }).parse(await answer.json());
    expect(pingMs).toBeGreaterThan(0);
  });

  test('of one device does not reach another', async () => {
    const other = await registerDevice(stack.url);
    const neighbour = await connectDevice(stack.broker.mqttUrl, other);
    const heard = inbox(neighbour);
    await neighbour.subscribeAsync(`device/${other.uuid}/ping`, { qos: 1 });
    await client.publishAsync(`device/${device.uuid}/ping`, PING, { qos: 1 });
    await neighbour.publishAsync(`device/${other.uuid}/ping`, PING, { qos: 1 });
    expect((await heard.next()).topic).toBe(`device/${other.uuid}/ping`);
    expect(heard.all).toHaveLength(1);
    await neighbour.endAsync();
  });
});

describe('anything but a PING', () => {
  test('is ignored and counted, and the PING behind it is answered', async () => {
    const topic = `device/${device.uuid}/ping`;
    const received = inbox(client);
    await client.subscribeAsync(topic, { qos: 1 });
    const messages = [
      PONG,
      '{"c":"ping"}',
      '{}',
      '[]',
      'null',
      '"PING"',
      'PING',
      '',
      '{"c":"PING"',
      Buffer.from([0xff, 0x00, 0xfe]),
      `{"c":"PING","x":"${'x'.repeat(5_000)}"}`,
      PING,
    ];
    const counts = await countsOf(messages.length, async () => {
      for (const message of messages) await client.publishAsync(topic, message, { qos: 1 });
    });
    expect(counts).toEqual({
      'ping:pong_ignored': 1,
      'ping:ignored': 2,
      'dropped:not_an_object': 3,
      'dropped:not_json': 4,
      'dropped:too_large': 1,
      'ping:answered': 1,
    });
    expect((await received.next()).payload).toBe(PONG);
    expect(received.all).toHaveLength(1);
    await client.unsubscribeAsync(topic);
  });

  test('is not answered on the other topics of a device', async () => {
    const received = inbox(client);
    await client.subscribeAsync([`device/${device.uuid}/data`, `device/${device.uuid}/master`], { qos: 1 });
    const ping = `device/${device.uuid}/ping`;
    await client.subscribeAsync(ping, { qos: 1 });
    for (const leaf of ['data', 'master', 'reply']) {
      await client.publishAsync(`device/${device.uuid}/${leaf}`, PING, { qos: 1 });
    }
    await client.publishAsync(ping, PING, { qos: 1 });
    expect((await received.next()).topic).toBe(ping);
    expect(received.all).toHaveLength(1);
    await client.unsubscribeAsync([ping, `device/${device.uuid}/data`, `device/${device.uuid}/master`]);
  });

  test('a device cannot publish a retained PING: the broker drops it', async () => {
    const topic = `device/${device.uuid}/ping`;
    const counts = await countsOf(1, async () => {
      await client.publishAsync(topic, PING, { qos: 1, retain: true });
      await client.publishAsync(topic, '{}', { qos: 1 });
    });
    expect(counts).toEqual({ 'ping:ignored': 1 });
  });

  test('a PING that somebody else left retained is not answered, nor when the server comes back', async () => {
    const topic = `device/${device.uuid}/ping`;
    const counts = await countsOf(1, () => publishRetained(topic, PING));
    expect(counts).toEqual({ 'ping:retained_ignored': 1 });
    await stack.startServer();
    await stack.ready();
    const later = await countsOf(1, () => client.publishAsync(topic, '{}', { qos: 1 }));
    expect(later).toEqual({ 'ping:ignored': 1 });
    await publishRetained(topic, '');
  });

  /** Publishes past the rules of devices, as whoever holds the broker's API key can. */
  async function publishRetained(topic: string, payload: string): Promise<void> {
    const { EMQX_API_URL, EMQX_API_KEY, MQTT_SECRET_KEY } = stack.env;
    const response = await fetch(`${EMQX_API_URL}/publish`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`${EMQX_API_KEY}:${MQTT_SECRET_KEY}`)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ topic, payload, qos: 1, retain: true }),
    });
    expect(response.ok).toBe(true);
  }
});

describe('last seen', () => {
  test('is written some seconds after a PING, and by a token request', async () => {
    const seen = async () => {
      const [row] = await stack.sql`select last_seen_at from devices where id = ${device.uuid}`;
      return (row?.last_seen_at as Date | null)?.getTime() ?? 0;
    };
    const before = Date.now();
    await client.publishAsync(`device/${device.uuid}/ping`, PING, { qos: 1 });
    await until('the time is written', async () => (await seen()) >= before);
    expect(await seen()).toBeLessThanOrEqual(Date.now());

    const other = await registerDevice(stack.url);
    await stack.stopServer();
    const [row] = await stack.sql`select last_seen_at from devices where id = ${other.uuid}`;
    expect((row?.last_seen_at as Date | null)?.getTime()).toBeGreaterThanOrEqual(before);
    await stack.startServer();
  }, 20_000);

  test('is never moved back, whatever order writes come in', async () => {
    const other = await registerDevice(stack.url);
    const far = Date.now() + 60_000;
    for (const at of [far, far - 30_000]) await writeLastSeen(stack.services.db, new Map([[other.uuid, at]]));
    const [row] = await stack.sql`select last_seen_at from devices where id = ${other.uuid}`;
    expect((row?.last_seen_at as Date | null)?.getTime()).toBe(far);
  });

  test('of a device that does not exist creates none', async () => {
    const unknown = randomUUID();
    await writeLastSeen(stack.services.db, new Map([[unknown, Date.now()]]));
    expect(await stack.sql`select 1 from devices where id = ${unknown}`).toHaveLength(0);
  });
});
