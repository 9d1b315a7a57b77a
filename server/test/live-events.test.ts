import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { fleetEvents } from '../contract/api/events.ts';
import { apiClient, callApi, createApiKey, insertDevices } from './devices.ts';
import { readEvents } from './event-reader.ts';
import { connectDevice, registerDevice, type Stack, startStack, until } from './harness.ts';
import { ADMIN_ENV, logIn } from './operators.ts';

let first: Stack;
/** Another instance on the same database and broker. */
let second: Stack;
let key: string;
const leaving: AbortController[] = [];

beforeAll(async () => {
  first = await startStack({ env: { ...ADMIN_ENV } });
  const { MQTT_URL = '', EMQX_API_URL = '', MQTT_HOST = '' } = first.env;
  second = await startStack({
    database: first.database,
    broker: false,
    env: { MQTT_URL, EMQX_API_URL, MQTT_HOST, INSTANCE_ID: 'second' },
  });
  key = await createApiKey(first, 'viewer');
}, 60_000);
afterEach(() => {
  for (const controller of leaving.splice(0)) controller.abort();
});
afterAll(async () => {
  await second.close();
  await first.close();
}, 30_000);

type Data = Readonly<Record<string, unknown>>;

/** Opens the fleet's stream and collects its events; resolves when it has begun. */
async function watch(
  stack: Stack,
  { query = '', last, by = { authorization: `Bearer ${key}` } }: Watching = {},
) {
  const controller = new AbortController();
  leaving.push(controller);
  const response = await fetch(`${stack.url}/api/v1/events${query}`, {
    signal: controller.signal,
    headers: { ...by, ...(last === undefined ? {} : { 'last-event-id': last }) },
  });
  expect(response.status).toBe(200);
  const { events, ended } = readEvents<Data>(response);
  const of = (device: string) => events.filter(({ data }) => data.device === device);
  const viewer = {
    events,
    ended,
    /** What was told of a device: names, and what `field` of each says. */
    told: (device: string, field: string) => of(device).map(({ name, data }) => [name, data[field]]),
    lastId: () => events.findLast(({ id }) => id !== undefined)?.id,
    async leave() {
      controller.abort();
      await ended;
    },
  };
  if (last === undefined) await until('the stream has begun', () => events.length > 0);
  return viewer;
}

interface Watching {
  readonly query?: string;
  readonly last?: string | undefined;
  readonly by?: Readonly<Record<string, string>>;
}

async function rename(id: string, name: string): Promise<void> {
  const api = await apiClient(first);
  const answer = await api.devices[':id'].$patch({ param: { id }, json: { name } });
  expect(answer.status as number).toBe(200);
}

describe('a viewer of the fleet', () => {
  test('sees a device register, connect, get a command, answer it and go, at whichever instance', async () => {
    const viewers = [await watch(first), await watch(second)];
    const device = await registerDevice(first.url);
    const id = device.uuid;
    for (const viewer of viewers) {
      await until('it registered', () => viewer.told(id, 'state').length > 0);
      expect(viewer.events[0]).toMatchObject({ name: 'reset', data: { reason: 'started' } });
      expect(viewer.told(id, 'state')).toEqual([['device', 'active']]);
    }
    const client = await connectDevice(first.broker.mqttUrl, device);
    client.on('message', (_, payload) => {
      const { i } = JSON.parse(payload.toString());
      client.publish(`device/${id}/reply`, JSON.stringify({ i, c: 'OK' }), { qos: 1 });
    });
    await client.subscribeAsync(`device/${id}/command`, { qos: 1 });
    const admin = await createApiKey(first, 'admin');
    await callApi(first, admin, 'POST', `/devices/${id}/commands`, {
      body: JSON.stringify({ c: 'LED' }),
      headers: { 'content-type': 'application/json' },
    });
    for (const viewer of viewers) {
      await until('it answered', () => viewer.told(id, 'state').some(([, state]) => state === 'done'));
      await until('it is online', () => viewer.told(id, 'online').some(([, online]) => online === true));
    }
    await client.endAsync();
    for (const viewer of viewers) {
      await until('it went', () => viewer.told(id, 'online').some(([, online]) => online === false));
      for (const { name, data } of viewer.events) {
        fleetEvents[name as keyof typeof fleetEvents].strict().parse(data);
      }
    }
  });

  test('sees a device deleted, and register again', async () => {
    const viewer = await watch(second, { query: '?kinds=device' });
    const { uuid } = await registerDevice(first.url);
    await until('it registered', () => viewer.told(uuid, 'state').length === 1);
    const api = await apiClient(first);
    await api.devices[':id'].$delete({ param: { id: uuid } });
    await until('it was deleted', () => viewer.told(uuid, 'state').length === 2);
    await registerDevice(first.url, 'agent', uuid);
    await until('it registered again', () => viewer.told(uuid, 'state').length === 3);
    expect(viewer.told(uuid, 'state').map(([, state]) => state)).toEqual(['active', 'deleted', 'active']);
  });

  test('that comes back with Last-Event-ID, to another instance, has missed nothing and sees nothing twice', async () => {
    const [a = '', b = '', c = ''] = await insertDevices(first, 3, () => ({}));
    const before = await watch(first);
    await rename(a, 'one');
    await until('one is seen', () => before.told(a, 'name').length > 0);
    await before.leave();
    await rename(b, 'two');
    const after = await watch(second, { last: before.lastId() });
    await rename(c, 'three');
    await until('three is seen', () => after.told(c, 'name').length > 0);
    expect(after.events.map(({ data }) => data.name)).toEqual(['two', 'three']);
  });

  test('is not kept from a change whose transaction began before one that it was told of', async () => {
    const [slow = '', fast = ''] = await insertDevices(first, 2, () => ({}));
    const viewer = await watch(second, { query: '?kinds=device' });
    const { promise: held, resolve: commit } = Promise.withResolvers<void>();
    const { promise: begun, resolve: hasBegun } = Promise.withResolvers<void>();
    const transaction = first.sql.begin(async (tx) => {
      await tx`update devices set version = version + 1, name = 'slow' where id = ${slow}`;
      hasBegun();
      await held;
    });
    await begun;
    await rename(fast, 'fast');
    await until('the later one is seen', () => viewer.told(fast, 'name').length > 0);
    await viewer.leave();
    const back = await watch(first, { query: '?kinds=device', last: viewer.lastId() });
    commit();
    await transaction;
    await until('the earlier one is seen', () => back.told(slow, 'name').length > 0);
    expect(back.told(slow, 'name')).toEqual([['device', 'slow']]);
    expect(back.told(fast, 'name')).toEqual([]);
  });

  test('is told to read lists again after an id of nowhere, and after more changes than are told', async () => {
    for (const last of ['nonsense', Buffer.from('{"device":"9:8:"}').toString('base64url')]) {
      const lost = await watch(first, { query: '?kinds=device', last });
      await until('the reset', () => lost.events.length > 0);
      expect(lost.events[0]).toMatchObject({ name: 'reset', data: { reason: 'expired' } });
    }
    const viewer = await watch(first, { query: '?kinds=device' });
    await insertDevices(first, 1_001, () => ({}));
    await until('the reset', () => viewer.events.length > 1);
    expect(viewer.events[1]).toMatchObject({ name: 'reset', data: { reason: 'too_many' } });
    await rename((await insertDevices(first, 1, () => ({})))[0] ?? '', 'after it');
    await until('the next change', () => viewer.events.some(({ data }) => data.name === 'after it'));
  });

  test('is told of what changes after a restore, and of nothing that the dump had', async () => {
    const [restored = '', other = ''] = await insertDevices(first, 2, () => ({}));
    // The database that was dumped had come further than the one it is restored into.
    await first.sql`update devices set changed_by = '900000000000' where id = ${restored}`;
    const viewer = await watch(first, { query: '?kinds=device' });
    for (const name of ['one', 'two']) {
      await rename(other, name);
      await until('it is seen', () => viewer.told(other, 'name').some(([, told]) => told === name));
    }
    expect(viewer.told(restored, 'name')).toEqual([]);
    await rename(restored, 'three');
    await until('its own change is seen', () => viewer.told(restored, 'name').length > 0);
    expect(viewer.told(restored, 'name')).toEqual([['device', 'three']]);
  });

  test('sees the newest values of the devices it names, and of no others', async () => {
    const named = await registerDevice(first.url);
    const other = await registerDevice(first.url);
    const clients = [await connectDevice(first.broker.mqttUrl, named)];
    clients.push(await connectDevice(first.broker.mqttUrl, other));
    const send = (value: number) =>
      Promise.all(
        [named, other].map(({ uuid }, at) =>
          clients[at]?.publishAsync(`device/${uuid}/data`, JSON.stringify({ value }), { qos: 1 }),
        ),
      );
    const values = (viewer: Awaited<ReturnType<typeof watch>>, device: string) =>
      viewer.told(device, 'data').flatMap(([name, data]) => (name === 'telemetry' ? [data] : []));
    await send(1);
    await until('it is stored', async () => {
      const rows =
        await first.sql`select from telemetry_devices where stored > 0 and device_id = any(${[named.uuid, other.uuid]})`;
      return rows.length === 2;
    });
    const ofOne = await watch(second, { query: `?kinds=presence&device=${named.uuid}` });
    const ofAll = await watch(first, { query: '?values=true' });
    await until('the value there is', () => values(ofOne, named.uuid).length > 0);
    await send(2);
    await until('the next one', () => values(ofOne, named.uuid).length > 1);
    await until('both', () =>
      [named, other].every(({ uuid }) =>
        values(ofAll, uuid).some((data) => Bun.deepEquals(data, { value: 2 })),
      ),
    );
    expect(values(ofOne, named.uuid)).toEqual([{ value: 1 }, { value: 2 }]);
    expect(values(ofOne, other.uuid)).toEqual([]);
    // What arrived just before may be told too: its transaction may have been under way when the viewer came.
    expect(values(ofAll, other.uuid).at(-1)).toEqual({ value: 2 });
    for (const client of clients) client.end(true);
  });
});

describe('a stream of the fleet', () => {
  test('ends when its operator logs out, and when its API key is revoked', async () => {
    const browser = await logIn(first);
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
    const ofSession = await watch(second, { by: { cookie } });
    await browser.call('DELETE', '/session');
    await ofSession.ended;
    const revoked = await createApiKey(first, 'viewer');
    const ofKey = await watch(second, { by: { authorization: `Bearer ${revoked}` } });
    await first.sql`delete from api_keys where prefix = ${revoked.slice(0, 9)}`;
    await ofKey.ended;
  });

  test('is refused without a credential, and with unknown parameters', async () => {
    expect((await fetch(`${first.url}/api/v1/events`)).status).toBe(401);
    for (const query of ['?kinds=nothing', '?device=1', `?devices=${randomUUID()}`]) {
      expect((await callApi(first, key, 'GET', `/events${query}`)).status).toBe(400);
    }
  });

  test('is one of at most 20 of a key', async () => {
    const own = await createApiKey(first, 'viewer');
    const by = { authorization: `Bearer ${own}` };
    for (let at = 0; at < 20; at++) await watch(first, { by });
    expect((await callApi(first, own, 'GET', '/events')).status).toBe(503);
    leaving.pop()?.abort();
    await until('a place is free', async () => {
      const controller = new AbortController();
      leaving.push(controller);
      const { status } = await callApi(first, own, 'GET', '/events', { signal: controller.signal });
      return status === 200;
    });
  });

  test('does not keep the server from stopping', async () => {
    const viewer = await watch(second);
    await second.stopServer();
    await viewer.ended;
    expect(viewer.events.map(({ name }) => name)).toEqual(['reset']);
  });
});
