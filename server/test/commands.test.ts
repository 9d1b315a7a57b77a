import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { IClientOptions, MqttClient } from 'mqtt';
import type { CommandAnswer } from '../contract/api/commands.ts';
import type { Command } from '../contract/messages.ts';
import { commandTopic, replyTopic } from '../contract/topics.ts';
import type { DeviceClient, DeviceClientOptions } from '../dev/device-client.ts';
import type { DeviceEvent } from '../dev/device-events.ts';
import { startServer } from '../dev/stack.ts';
import { auditOf, callApi, createApiKey } from './devices.ts';
import {
  AGENT_SECRET,
  connectDevice,
  inbox,
  registerDevice,
  type Stack,
  startStack,
  type TestDevice,
  until,
  untilReady,
} from './harness.ts';
import { silentLog } from './logs.ts';
import { startOnlineDevice } from './online-device.ts';
import { startTcpProxy } from './tcp-proxy.ts';

let stack: Stack;
let key: string;
const clients: MqttClient[] = [];
const devices: DeviceClient[] = [];

beforeAll(async () => {
  stack = await startStack();
  key = await createApiKey(stack, 'admin');
}, 60_000);
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true);
  for (const device of devices.splice(0)) await device.close();
});
afterAll(() => stack.close());

interface Sending {
  readonly wait?: number;
  readonly key?: string;
  readonly by?: string;
}

async function post(
  device: string,
  body: unknown,
  { wait = 0, key: idempotencyKey, by = key }: Sending = {},
) {
  return callApi(stack, by, 'POST', `/devices/${device}/commands?wait=${wait}`, {
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
  });
}

async function send(device: string, body: unknown, sending?: Sending): Promise<CommandAnswer> {
  const response = await post(device, body, sending);
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as CommandAnswer;
}

async function read({ device, id }: Pick<CommandAnswer, 'device' | 'id'>): Promise<CommandAnswer> {
  const response = await callApi(stack, key, 'GET', `/devices/${device}/commands/${id}`);
  return (await response.json()) as CommandAnswer;
}

function finished(command: CommandAnswer, state: CommandAnswer['state']): Promise<void> {
  return until(`the command is ${state}`, async () => (await read(command)).state === state);
}

/** A device that follows the contract, online. */
async function startDevice(
  options: Partial<DeviceClientOptions> & { uuid: string },
): Promise<readonly DeviceEvent[]> {
  return (await startOnlineDevice({ server: stack.url, credential: AGENT_SECRET, ...options }, devices))
    .events;
}

/** A device that does with commands what the test says, listening. */
async function listen(device: TestDevice, options: IClientOptions = {}) {
  const client = await connectDevice(stack.broker.mqttUrl, device, options);
  clients.push(client);
  const received = inbox(client);
  await client.subscribeAsync(commandTopic(device.uuid), { qos: 1 });
  return {
    client,
    all: received.all,
    next: async () => JSON.parse((await received.next()).payload) as Command,
    reply: (body: object) => client.publishAsync(replyTopic(device.uuid), JSON.stringify(body), { qos: 1 }),
  };
}

describe('a command', () => {
  test('to a device that is online is answered with what the device replied', async () => {
    const uuid = randomUUID();
    await startDevice({ uuid, onCommand: ({ c, a }) => ({ did: c, with: a }) });
    // The first one goes out again where the broker tells only then that the device listens.
    await send(uuid, { c: 'HELLO' }, { wait: 10 });
    const command = await send(uuid, { c: 'LED', a: { on: true } }, { wait: 10 });
    expect(command).toMatchObject({
      state: 'done',
      c: 'LED',
      a: { on: true },
      result: { did: 'LED', with: { on: true } },
      attempts: 1,
      replies: 1,
      error: null,
    });
    expect(await read(command)).toEqual(command);
    expect(await auditOf(stack, uuid)).toContainEqual(
      expect.objectContaining({ action: 'command.queued', after: { command: command.id, c: 'LED' } }),
    );
  });

  test('that the device cannot execute has failed, with the reason', async () => {
    const uuid = randomUUID();
    await startDevice({
      uuid,
      onCommand: () => {
        throw new Error('no such LED');
      },
    });
    expect(await send(uuid, { c: 'LED' }, { wait: 10 })).toMatchObject({
      state: 'failed',
      error: 'no such LED',
      result: null,
      a: null,
    });
  });

  test('to a device that is offline waits, and goes out when it is online', async () => {
    const { uuid } = await registerDevice(stack.url);
    const command = await send(uuid, { c: 'LATER' });
    expect(command).toMatchObject({ state: 'queued', sentAt: null });
    await until('nobody listened', async () => {
      const put = await stack.sql`
        select from commands where device_id = ${uuid} and attempts = 0 and next_attempt_at > now() + interval '30 seconds'`;
      return put.length === 1;
    });
    await startDevice({ uuid, onCommand: () => 'here' });
    await finished(command, 'done');
    expect(await read(command)).toMatchObject({ result: 'here', attempts: 1 });
  });

  test('that waits in a session of the broker reaches a device that resumes it without subscribing', async () => {
    const device = await registerDevice(stack.url);
    const before = await listen(device, { clean: false });
    await before.client.endAsync();
    const command = await send(device.uuid, { c: 'RESUME' });
    await finished(command, 'sent');
    const client = await connectDevice(stack.broker.mqttUrl, device, { clean: false, manualConnect: false });
    clients.push(client);
    await until('it is sent', async () => (await read(command)).attempts > 1);
    await client.publishAsync(replyTopic(device.uuid), JSON.stringify({ i: command.id, c: 'OK' }), {
      qos: 1,
    });
    await finished(command, 'done');
  });

  test('that a device lost is sent again when it comes back', async () => {
    const device = await registerDevice(stack.url);
    const first = await listen(device);
    const command = await send(device.uuid, { c: 'TWICE' });
    expect((await first.next()).i).toBe(command.id);
    await first.client.endAsync();
    const second = await listen(device);
    expect(await second.next()).toEqual({ c: 'TWICE', i: command.id });
    await second.reply({ i: command.id, c: 'OK', r: 2 });
    await finished(command, 'done');
    expect(await read(command)).toMatchObject({ result: 2, attempts: 2 });
  });

  test('that arrives twice is executed once, and both replies count', async () => {
    const uuid = randomUUID();
    const { promise, resolve } = Promise.withResolvers<string>();
    let executed = 0;
    const events = await startDevice({
      uuid,
      onCommand: () => {
        executed++;
        return promise;
      },
    });
    const command = await send(uuid, { c: 'SLOW' });
    await finished(command, 'sent');
    await stack.sql`update commands set next_attempt_at = now() where id = ${command.id}`;
    await until('it arrived twice', () => events.filter(({ type }) => type === 'command').length === 2);
    resolve('once');
    await until('both replies are stored', async () => (await read(command)).replies === 2);
    expect(await read(command)).toMatchObject({ state: 'done', result: 'once' });
    expect(executed).toBe(1);
  });

  test('goes out alone: the next one waits for its reply, in order', async () => {
    const device = await registerDevice(stack.url);
    const listener = await listen(device);
    const ids: string[] = [];
    for (const c of ['A', 'B', 'C']) ids.push((await send(device.uuid, { c })).id);
    const received: string[] = [];
    for (let at = 0; at < 3; at++) {
      const { i } = await listener.next();
      received.push(i);
      const states = await stack.sql<{ state: string }[]>`
        select state from commands where device_id = ${device.uuid} and state in ('queued', 'sent') order by seq`;
      expect(states.slice(1).map(({ state }) => state)).toEqual(Array(2 - at).fill('queued'));
      await listener.reply({ i, c: 'OK' });
    }
    expect(received).toEqual(ids);
  });

  test('survives a restart of the server between sending and reply', async () => {
    const device = await registerDevice(stack.url);
    const listener = await listen(device);
    const command = await send(device.uuid, { c: 'RESTART' });
    const { i } = await listener.next();
    await stack.stopServer();
    await listener.reply({ i, c: 'OK', r: 'meanwhile' });
    await stack.startServer();
    await finished(command, 'done');
    expect((await read(command)).result).toBe('meanwhile');
  }, 30_000);

  test('queued while the server was away from the broker goes out by itself', async () => {
    const device = await registerDevice(stack.url);
    const command = await send(device.uuid, { c: 'AWAY' });
    await until('nobody listened', async () => (await read(command)).attempts === 0);
    await stack.stopServer();
    const listener = await listen(device);
    await stack.startServer();
    const { i } = await listener.next();
    await listener.reply({ i, c: 'OK' });
    await finished(command, 'done');
  }, 30_000);

  test('of which the broker does not say whether it took it counts as sent to the device', async () => {
    const device = await registerDevice(stack.url);
    const listener = await listen(device);
    const direct = stack.env.EMQX_API_URL ?? '';
    const url = new URL(direct);
    const target = Number(url.port);
    const proxy = await startTcpProxy({ target: () => target });
    url.port = String(proxy.port);
    try {
      await stack.startServer({ EMQX_API_URL: url.href });
      await stack.ready();
      proxy.holdAnswers();
      const command = await send(device.uuid, { c: 'UNCONFIRMED' });
      expect((await listener.next()).i).toBe(command.id);
      await proxy.refuse();
      await until('it is given up', async () => {
        const rows = await stack.sql`select from commands where id = ${command.id} and claimed_until is null`;
        return rows.length === 1;
      });
      expect(await read(command)).toMatchObject({ state: 'queued', attempts: 1 });
    } finally {
      await proxy.close();
      await stack.startServer({ EMQX_API_URL: direct });
      await stack.ready();
    }
  }, 60_000);

  test('is sent once, however many instances there are', async () => {
    const second = await startServer(
      { ...stack.env, PORT: '0', INSTANCE_ID: 'second' },
      { log: silentLog() },
    );
    try {
      await untilReady(second.url);
      const listeners = await Promise.all(
        Array.from({ length: 12 }, async () => {
          const device = await registerDevice(stack.url);
          return { device, listener: await listen(device) };
        }),
      );
      const ids = JSON.stringify(listeners.map(({ device }) => device.uuid));
      await until('all are known to be connected', async () => {
        const [row] = await stack.sql`select count(*)::int from devices where connected_at is not null
          and id in (select value::uuid from json_array_elements_text(${ids}::text::json))`;
        return row?.count === 12;
      });
      // Not through one of the instances: both find the rows by themselves.
      await stack.sql`
        insert into commands (id, device_id, name, payload, request_hash, created_by, expires_at)
        select 'once-' || value, value::uuid, 'ONCE', json_build_object('c', 'ONCE', 'i', 'once-' || value), '', 'test',
          now() + interval '1 hour'
        from json_array_elements_text(${ids}::text::json)`;
      const state = () => stack.sql<{ state: string; attempts: number }[]>`
        select state, attempts from commands where name = 'ONCE' and claimed_until is null`;
      await until(
        'all are sent',
        async () => (await state()).filter((row) => row.state === 'sent').length === 12,
      );
      for (const { listener } of listeners) await listener.next();
      expect([...(await state())]).toEqual(Array(12).fill({ state: 'sent', attempts: 1 }));
      expect(listeners.map(({ listener }) => listener.all.length)).toEqual(Array(12).fill(1));
    } finally {
      await second.close();
    }
  }, 60_000);
});

describe('a command that is over', () => {
  test('by its time is expired and not sent; a late reply is kept with it', async () => {
    const device = await registerDevice(stack.url);
    const command = await send(device.uuid, { c: 'OLD' });
    await stack.sql`update commands set expires_at = now() where id = ${command.id}`;
    await finished(command, 'expired');
    const listener = await listen(device);
    const next = await send(device.uuid, { c: 'NEW' });
    expect((await listener.next()).i).toBe(next.id);
    await listener.reply({ i: command.id, c: 'OK', r: 'late' });
    await until('the late reply is kept', async () => (await read(command)).repliedAt !== null);
    expect(await read(command)).toMatchObject({ state: 'expired', result: 'late', replies: 1 });
  });

  test('by cancellation lets the next one go out', async () => {
    const device = await registerDevice(stack.url);
    const listener = await listen(device);
    const first = await send(device.uuid, { c: 'FIRST' });
    const second = await send(device.uuid, { c: 'SECOND' });
    expect((await listener.next()).i).toBe(first.id);
    const path = `/devices/${device.uuid}/commands/${first.id}`;
    expect(await (await callApi(stack, key, 'DELETE', path)).json()).toMatchObject({
      state: 'cancelled',
      attempts: 1,
    });
    expect((await listener.next()).i).toBe(second.id);
    expect((await callApi(stack, key, 'DELETE', path)).status).toBe(200);
    await listener.reply({ i: second.id, c: 'OK' });
    await finished(second, 'done');
    const done = await callApi(stack, key, 'DELETE', `/devices/${device.uuid}/commands/${second.id}`);
    expect(done.status).toBe(409);
  });

  test('by revocation of its device does not reach it after it is restored', async () => {
    const { uuid } = await registerDevice(stack.url);
    const command = await send(uuid, { c: 'REVOKED' });
    await callApi(stack, key, 'POST', `/devices/${uuid}/revoke`);
    await finished(command, 'cancelled');
    expect((await read(command)).error).toBe('the device is revoked');
    expect((await post(uuid, { c: 'AGAIN' })).status).toBe(409);
  });
});

describe('a request', () => {
  test('that times out waiting answers the command as it is', async () => {
    const { uuid } = await registerDevice(stack.url);
    expect(await send(uuid, { c: 'NOBODY' }, { wait: 1 })).toMatchObject({ state: 'queued', attempts: 0 });
  });

  test('repeated with its key answers the first command; another one with that key is refused', async () => {
    const { uuid } = await registerDevice(stack.url);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => post(uuid, { c: 'KEY', a: { n: 1 } }, { key: 'k1' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
    const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as CommandAnswer).id));
    expect(new Set(ids).size).toBe(1);
    expect((await post(uuid, { c: 'KEY', a: { n: 2 } }, { key: 'k1' })).status).toBe(422);
  });

  test('beyond 16 open commands, or 2 KiB, or of a viewer is refused', async () => {
    const { uuid } = await registerDevice(stack.url);
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(uuid, { c: 'MANY' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([
      ...Array(16).fill(201),
      ...Array(4).fill(409),
    ]);
    expect((await post(uuid, { c: 'BIG', a: { text: 'x'.repeat(2_048) } })).status).toBe(422);
    expect((await post(randomUUID(), { c: 'NONE' })).status).toBe(404);
    expect((await post(uuid, { c: 'VIEW' }, { by: await createApiKey(stack, 'viewer') })).status).toBe(403);
  });

  test('lists commands, newest first, page by page and by state', async () => {
    const { uuid } = await registerDevice(stack.url);
    const ids: string[] = [];
    for (const c of ['A', 'B', 'C']) ids.unshift((await send(uuid, { c })).id);
    const list = async (query: string) =>
      (await (await callApi(stack, key, 'GET', `/devices/${uuid}/commands?${query}`)).json()) as {
        items: CommandAnswer[];
        next: string | null;
      };
    const first = await list('limit=2');
    const second = await list(`limit=2&cursor=${first.next}`);
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids);
    expect(second.next).toBeNull();
    expect((await list('state=done')).items).toEqual([]);
  });
});

test('a reply to no command of its device is kept and counted', async () => {
  const device = await registerDevice(stack.url);
  const other = await registerDevice(stack.url);
  const command = await send(other.uuid, { c: 'OTHER' });
  const listener = await listen(device);
  await listener.reply({ i: command.id, c: 'OK' });
  await listener.reply({ what: 'is this' });
  await until('both are counted', async () => {
    const [row] = await stack.sql`select count::int from unknown_replies where device_id = ${device.uuid}`;
    return row?.count === 2;
  });
  const [kept] = await stack.sql`select last from unknown_replies where device_id = ${device.uuid}`;
  expect(kept?.last).toBe('{"what":"is this"}');
  expect((await read(command)).state).toBe('queued');
});
