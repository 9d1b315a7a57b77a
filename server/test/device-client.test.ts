import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { aboutTopic, ackTopic, commandTopic, dataTopic, linkTopic, replyTopic } from '../contract/topics.ts';
import { createDeviceClient, type DeviceClient, type DeviceClientOptions } from '../dev/device-client.ts';
import type { DeviceEvent } from '../dev/device-events.ts';
import { systemClock } from '../src/platform/clock.ts';
import { systemRandom } from '../src/platform/random.ts';
import { deviceKey } from '../src/platform/secrets.ts';
import { createTokens } from '../src/tokens/token.ts';
import { manualClock } from './clocks.ts';
import {
  AGENT_SECRET,
  connectMqtt,
  inbox,
  JWT_SECRET,
  MASTER_SECRET,
  type Stack,
  startStack,
} from './harness.ts';

const EVENT_LIMIT_MS = 20_000;
setDefaultTimeout(30_000);
let stack: Stack;
/** Sees and may do everything on the topics of devices, as the server's session could. */
let witness: MqttClient;
const opened: DeviceClient[] = [];

beforeAll(async () => {
  stack = await startStack({ env: { RATE_LIMIT_FAILED: '100000' } });
  const tokens = await createTokens({ jwtSecret: JWT_SECRET, ttlSeconds: 3_600, clock: systemClock });
  const acl = [{ permission: 'allow', action: 'all', topic: 'device/#' } as const];
  const password = await tokens.issueForServer('server-witness', acl, 3_600);
  const options = { clientId: 'server-witness', username: 'server-witness', password };
  witness = await connectMqtt(stack.broker.serverUrl, options);
}, 60_000);
afterEach(async () => {
  await Promise.all(opened.splice(0).map((device) => device.close()));
});
afterAll(async () => {
  await witness.endAsync();
  await stack.close();
});

/** A device on a clock of its own, which stands still until the test moves it. */
function createDevice(options: Partial<DeviceClientOptions> = {}) {
  const uuid = options.uuid ?? randomUUID();
  const clock = manualClock(systemClock.now());
  const events: DeviceEvent[] = [];
  const arrived = new EventTarget();
  let read = 0;
  const device = createDeviceClient({
    server: stack.url,
    uuid,
    credential: deviceKey(AGENT_SECRET, uuid),
    clock,
    random: systemRandom,
    ...options,
    onEvent(event) {
      events.push(event);
      arrived.dispatchEvent(new Event('event'));
    },
  });
  opened.push(device);

  /** The next event of a type, from where the last wait ended. */
  async function next<Type extends DeviceEvent['type']>(type: Type) {
    const limit = AbortSignal.timeout(EVENT_LIMIT_MS);
    for (;;) {
      while (read < events.length) {
        const event = events[read++];
        if (event?.type === type) return event as Extract<DeviceEvent, { type: Type }>;
      }
      await new Promise<void>((resolve, reject) => {
        arrived.addEventListener('event', () => resolve(), { once: true });
        limit.addEventListener('abort', () => reject(new Error(`no ${type}; ${JSON.stringify(events)}`)));
      });
    }
  }

  async function start() {
    device.start();
    return await next('online');
  }
  return { uuid, clock, device, events, next, start };
}

/** What is published on a topic from now on. */
async function listen(topic: string) {
  const seen = inbox(witness);
  let read = 0;
  await witness.subscribeAsync(topic, { qos: 1 });
  return {
    async next(): Promise<unknown> {
      for (;;) {
        const message = await seen.next();
        if (message.topic !== topic) continue;
        read++;
        return JSON.parse(message.payload);
      }
    },
    waiting: () => seen.all.filter((message) => message.topic === topic).length - read,
  };
}

function publish(topic: string, message: unknown, retain = false) {
  return witness.publishAsync(topic, JSON.stringify(message), { qos: 1, retain });
}

describe('a device client', () => {
  test('gets a token and the broker from the server, and a PONG for each PING', async () => {
    const { device, events, start } = createDevice();
    expect((await start()).denied).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(['token', 'broker', 'connected', 'online']);
    await Promise.all([device.ping(), device.ping()]);
    await device.close();
    expect(device.online()).toBe(false);
    await expect(device.ping()).rejects.toThrow('offline');
  });

  test('describes itself once per session', async () => {
    const uuid = randomUUID();
    const about = await listen(aboutTopic(uuid));
    const said = { fw: '1.4.0', f: { temp: { u: '°C' } } };
    const { clock, device, next, start } = createDevice({ uuid, about: said });
    const data = await listen(dataTopic(uuid));
    await start();
    expect(await about.next()).toEqual(said);
    await kick(uuid);
    await next('offline');
    clock.advance(1_000);
    await next('online');
    expect(await about.next()).toEqual(said);
    expect(device.data({ last: true })).toBe(true);
    expect(await data.next()).toEqual({ last: true });
    expect(about.waiting()).toBe(0);
  });

  test('sends numbered records again after a reconnect until they are acknowledged', async () => {
    const uuid = randomUUID();
    const data = await listen(dataTopic(uuid));
    const { clock, device, next, start } = createDevice({ uuid });
    device.record({ t: 1 });
    await start();
    device.record({ t: 2 });
    const first = (await data.next()) as { b: number };
    expect([first, await data.next()]).toEqual([
      { t: 1, b: first.b, n: 1 },
      { t: 2, b: first.b, n: 2 },
    ]);
    expect(device.records()).toEqual({ waiting: 2, lost: 0 });
    await publish(ackTopic(uuid), { b: first.b === 0 ? 1 : first.b - 1, n: 2 });
    await next('acknowledged');
    expect(device.records().waiting).toBe(2);
    await publish(ackTopic(uuid), { b: first.b, n: 1 });
    await next('acknowledged');
    expect(device.records().waiting).toBe(1);

    await kick(uuid);
    await next('offline');
    device.record({ t: 3 });
    clock.advance(1_000);
    await next('online');
    expect([await data.next(), await data.next()]).toEqual([
      { t: 2, b: first.b, n: 2 },
      { t: 3, b: first.b, n: 3 },
    ]);
  });

  test('gives up the oldest record where there are too many, and counts it', () => {
    const { device } = createDevice({ maxRecords: 2 });
    for (let t = 0; t < 5; t++) device.record({ t });
    expect(device.records()).toEqual({ waiting: 2, lost: 3 });
    expect(device.data({ t: 5 })).toBe(false);
  });

  test('answers a command, and one that arrives again with the first result', async () => {
    const executed: unknown[] = [];
    const { uuid, start } = createDevice({
      onCommand({ c, a }) {
        if (c !== 'LED') throw new Error('no such command');
        executed.push(a);
        return { count: executed.length };
      },
    });
    const replies = await listen(replyTopic(uuid));
    await start();
    const led = { c: 'LED', i: 'k3V9x2', a: { on: true } };
    await publish(commandTopic(uuid), led);
    expect(await replies.next()).toEqual({ i: 'k3V9x2', c: 'OK', r: { count: 1 } });
    await publish(commandTopic(uuid), led);
    expect(await replies.next()).toEqual({ i: 'k3V9x2', c: 'OK', r: { count: 1 } });
    await publish(commandTopic(uuid), { c: 'FLY', i: 'x' });
    expect(await replies.next()).toEqual({ i: 'x', c: 'ERROR', m: 'no such command' });
    expect(executed).toEqual([{ on: true }]);
  });

  test('ignores what is retained on its command and link topics', async () => {
    const executed: string[] = [];
    const { uuid, events, start, next } = createDevice({ onCommand: ({ i }) => executed.push(i) });
    await publish(commandTopic(uuid), { c: 'LED', i: 'old' }, true);
    await publish(linkTopic(uuid), { old: true }, true);
    await start();
    await publish(linkTopic(uuid), { new: true });
    expect((await next('message')).payload).toBe('{"new":true}');
    await publish(commandTopic(uuid), { c: 'LED', i: 'new' });
    await next('command');
    expect(executed).toEqual(['new']);
    expect(events.filter(({ type }) => type === 'message')).toHaveLength(1);
  });

  test('a master and its agent talk on the link topic, which is subscribed to when it is allowed', async () => {
    const agent = createDevice();
    const uuid = randomUUID();
    const credential = deviceKey(MASTER_SECRET, uuid);
    const master = createDevice({ uuid, credential, links: [agent.uuid] });
    await agent.start();
    expect((await master.start()).denied).toEqual([linkTopic(agent.uuid)]);
    await pair(agent.uuid, uuid);
    await master.device.close();
    const paired = createDevice({ uuid, credential, links: [agent.uuid] });
    expect((await paired.start()).denied).toEqual([]);
    expect(agent.device.send(agent.uuid, { from: 'agent' })).toBe(true);
    expect(await paired.next('message')).toMatchObject({ payload: '{"from":"agent"}' });
  });

  test('many of them fit into one process', async () => {
    const devices = Array.from({ length: 40 }, () => createDevice());
    await Promise.all(devices.map(({ start }) => start()));
    await Promise.all(devices.map(({ device }) => device.ping()));
  }, 30_000);
});

describe('a device client recovers', () => {
  test('from a lost connection with the same token', async () => {
    const { uuid, clock, device, events, next, start } = createDevice();
    await start();
    await kick(uuid);
    await next('offline');
    clock.advance(1_000);
    await next('online');
    await device.ping();
    expect(events.filter(({ type }) => type === 'token')).toHaveLength(1);
  });

  test('from a broker that refuses its token with a new one', async () => {
    const { uuid, clock, device, events, next, start } = createDevice();
    await start();
    await stack.sql`update devices set generation = 2 where id = ${uuid}`;
    await ban(`${uuid}.1`);
    await kick(uuid);
    await next('offline');
    clock.advance(1_000);
    const { failure, waitMs } = await next('failure');
    expect(failure.reason).toBe('broker_refused');
    clock.advance(waitMs);
    expect((await next('token')).username).toBe(`${uuid}.2`);
    await next('online');
    await device.ping();
    expect(events.filter(({ type }) => type === 'failure')).toHaveLength(1);
  });

  test('from a server that cannot be reached', async () => {
    const { clock, next, device } = createDevice({ server: 'http://127.0.0.1:1' });
    device.start();
    for (let attempt = 0; attempt < 3; attempt++) {
      const { failure, waitMs } = await next('failure');
      expect(failure.reason).toBe('unreachable');
      clock.advance(waitMs);
    }
  });

  test('from a wrong key only after an hour', async () => {
    const { clock, events, next, device } = createDevice({ credential: 'wrong' });
    device.start();
    const { failure, waitMs } = await next('failure');
    expect({ reason: failure.reason, waitMs }).toEqual({ reason: 'bad_credential', waitMs: 3_600_000 });
    clock.advance(3_599_000);
    expect(events).toHaveLength(1);
    clock.advance(1_000);
    await next('failure');
  });
});

test('a token is renewed by itself at 80 % of its life, and the session goes on with the new one', async () => {
  const credentials: (string | null)[] = [];
  const recorder = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      const { pathname, search } = new URL(request.url);
      const authorization = request.headers.get('authorization') ?? '';
      if (pathname.startsWith('/auth'))
        credentials.push(authorization.split('.').length === 3 ? 'token' : 'key');
      return fetch(`${stack.url}${pathname}${search}`, { headers: { authorization } });
    },
  });
  const { clock, device, next } = createDevice({ server: recorder.url.origin });
  device.start();
  const { expiresInSeconds } = await next('token');
  await next('online');
  clock.advance(expiresInSeconds * 800 - 1_000);
  expect(credentials).toEqual(['key']);
  clock.advance(1_000);
  await next('token');
  await next('offline');
  await next('online');
  await device.ping();
  expect(credentials).toEqual(['key', 'token']);
  await device.close();
  await recorder.stop(true);
});

async function broker(method: string, path: string, body?: unknown): Promise<void> {
  const { EMQX_API_KEY, MQTT_SECRET_KEY } = stack.env;
  const response = await fetch(`${stack.broker.apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Basic ${btoa(`${EMQX_API_KEY}:${MQTT_SECRET_KEY}`)}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

const kick = (uuid: string) => broker('DELETE', `/clients/${uuid}`);
const ban = (who: string) => broker('POST', '/banned', { as: 'username', who, until: 'infinity' });

async function pair(agent: string, master: string): Promise<void> {
  const rules = [{ topic: linkTopic(agent), action: 'all', permission: 'allow' }];
  const path = `/authorization/sources/built_in_database/rules/clients/${master}`;
  await broker('PUT', path, { clientid: master, rules });
}
