import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { type TimelineKind, timelineKinds } from '../contract/api/presence.ts';
import { commandTopic } from '../contract/topics.ts';
import { readUptime } from '../src/presence/read-history.ts';
import { type ApiClient, apiClient } from './devices.ts';
import {
  callDevice,
  connectDevice,
  registerDevice,
  type Stack,
  startStack,
  tokenPath,
  until,
} from './harness.ts';

let stack: Stack;
let api: ApiClient;
const clients: MqttClient[] = [];

beforeAll(async () => {
  stack = await startStack();
  api = await apiClient(stack);
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.end(true);
  await stack.close();
});

const presence = async (id: string) =>
  (await api.devices[':id'].presence.$get({ param: { id }, query: {} })).json();
const sessions = async (id: string, query: { limit?: string; cursor?: string } = {}) =>
  (await api.devices[':id'].sessions.$get({ param: { id }, query })).json();
const diagnosis = async (id: string) => (await api.devices[':id'].diagnosis.$get({ param: { id } })).json();

async function connect(device: Awaited<ReturnType<typeof registerDevice>>, keepalive = 45) {
  const client = await connectDevice(stack.broker.mqttUrl, device, { keepalive });
  clients.push(client);
  return client;
}

test('a session has its address and keep-alive, and in words how it ended', async () => {
  const device = await registerDevice(stack.url);
  const client = await connect(device);
  await until('it is online', async () => (await presence(device.uuid)).online);
  // The list of clients may have told of it before its event did, without an address.
  await until(
    'its event is noted',
    async () => typeof (await sessions(device.uuid)).items[0]?.address === 'string',
  );
  expect((await presence(device.uuid)).session).toMatchObject({
    disconnectedAt: null,
    keepAliveSeconds: 45,
    address: expect.stringContaining('127.0.0.1'),
    reason: null,
  });
  await client.endAsync();
  await until('it ended', async () => (await sessions(device.uuid)).items[0]?.disconnectedAt !== null);
  expect((await sessions(device.uuid)).items).toEqual([
    expect.objectContaining({ reason: 'normal', why: 'The device left with a DISCONNECT.' }),
  ]);
});

test('sessions come newest first, page by page', async () => {
  const device = await registerDevice(stack.url);
  for (let count = 1; count <= 3; count++) {
    await (await connect(device)).endAsync();
    await until('it is noted', async () => (await sessions(device.uuid)).items.length === count);
  }
  const all = (await sessions(device.uuid)).items;
  const first = await sessions(device.uuid, { limit: '2' });
  const second = await sessions(device.uuid, { limit: '2', cursor: first.next ?? '' });
  expect([...first.items, ...second.items]).toEqual(all);
  expect(second.next).toBeNull();
  const starts = all.map(({ connectedAt }) => connectedAt);
  expect(starts).toEqual(starts.toSorted().toReversed());
});

test('uptime counts the connected seconds of each day, of UTC unless a zone is given', async () => {
  const { uuid } = await registerDevice(stack.url);
  await stack.sql`
    insert into device_sessions (device_id, connected_at, disconnected_at)
    select ${uuid}, today - start, today - stop
    from (select date_trunc('day', now(), 'UTC') as today) as day, (values
      (interval '26 hours', interval '25 hours'), (interval '2 hours', interval '90 minutes')) as session (start, stop)`;
  const { uptime, zone } = await presence(uuid);
  expect(zone).toBe('UTC');
  expect(uptime.map(({ seconds }) => seconds)).toEqual([0, 0, 0, 0, 3_600, 1_800, 0]);
  expect(uptime.map(({ passed }) => passed).slice(0, 6)).toEqual(Array(6).fill(86_400));

  const query = { days: '90', zone: 'Etc/GMT+2' };
  const west = await (await api.devices[':id'].presence.$get({ param: { id: uuid }, query })).json();
  expect(west.zone).toBe('Etc/GMT+2');
  expect(west.uptime).toHaveLength(90);
  expect(west.uptime.reduce((sum, { seconds }) => sum + seconds, 0)).toBe(5_400);
  const stored = await stack.sql`
    select to_char(connected_at at time zone 'Etc/GMT+2', 'YYYY-MM-DD') as day from device_sessions
    where device_id = ${uuid} order by connected_at`;
  expect(west.uptime.filter(({ seconds }) => seconds > 0).map(({ day, seconds }) => [day, seconds])).toEqual([
    [stored[0]?.day, 3_600],
    [stored[1]?.day, 1_800],
  ]);
});

test.each([
  // A day of 25 hours, all of it connected, and the one before with its last hour.
  ['Europe/Berlin', '2026-10-25T23:00:00Z', '2026-10-24T21:00:00Z', [3_600, 90_000], [86_400, 90_000]],
  // A day of 23 hours that begins at one o'clock, because midnight is left out.
  ['Asia/Beirut', '2026-03-29T21:00:00Z', '2026-03-28T21:00:00Z', [3_600, 82_800], [86_400, 82_800]],
  // A day of 25 hours whose midnight comes twice.
  ['America/Havana', '2026-11-02T05:00:00Z', '2026-11-01T03:00:00Z', [3_600, 90_000], [86_400, 90_000]],
])('days of %s have the hours that its clock gave them', async (zone, now, start, seconds, passed) => {
  const { uuid } = await registerDevice(stack.url);
  await stack.sql`insert into device_sessions (device_id, connected_at) values (${uuid}, ${start})`;
  // A moment before midnight: the day that ends is the last one.
  const query = { days: 2, zone, now: Date.parse(now) - 1 };
  const uptime = await readUptime(stack.services.db, uuid, query);
  expect(uptime.map((day) => day.seconds)).toEqual(seconds);
  expect(uptime.map((day) => day.passed)).toEqual(passed);
});

test.each([
  'Nowhere/City',
  // Known to ICU alone.
  'US/Pacific-New',
  'canada/east-saskatchewan',
])('the zone %s, which does not exist, is refused by name', async (zone) => {
  const { uuid } = await registerDevice(stack.url);
  const query = { zone };
  const refused = await api.devices[':id'].presence.$get({ param: { id: uuid }, query });
  expect(refused.status as number).toBe(400);
  expect(JSON.stringify(await refused.json())).toContain('is no time zone of the IANA database');
});

test('a session whose end nobody saw ends when the next one begins', async () => {
  const device = await registerDevice(stack.url);
  await stack.sql`insert into device_sessions (device_id, connected_at)
      values (${device.uuid}, now() - interval '1 hour')`;
  await connect(device);
  await until('the older one is ended', async () => {
    const { items } = await sessions(device.uuid);
    return (
      items.length === 2 && items[1]?.reason === 'missed' && items[1].disconnectedAt === items[0]?.connectedAt
    );
  });
});

test('the timeline has refusals, changes, sessions and commands, newest first, page by page', async () => {
  const device = await registerDevice(stack.url);
  const { uuid } = device;
  await api.devices[':id'].$patch({ param: { id: uuid }, json: { name: 'Pump' } });
  await (await connect(device)).endAsync();
  await until('the session ended', async () => (await sessions(uuid)).items[0]?.disconnectedAt != null);
  await api.devices[':id'].commands.$post({ param: { id: uuid }, query: {}, header: {}, json: { c: 'GO' } });
  await stack.sql`update commands set state = 'expired', finished_at = now() where device_id = ${uuid}`;
  const read = async (query: { limit?: string; cursor?: string; kind?: TimelineKind }) =>
    (await api.devices[':id'].timeline.$get({ param: { id: uuid }, query })).json();
  const { items } = await read({});
  expect(items.map(({ what }) => what).slice(0, 5)).toEqual([
    'command.expired',
    'command.queued',
    'session.ended',
    'session.began',
    'device.edited',
  ]);
  const paged = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Awaited<ReturnType<typeof read>> = await read({ limit: '2', ...(cursor ? { cursor } : {}) });
    paged.push(...page.items);
    cursor = page.next;
  }
  expect(paged).toEqual(items);
  expect(items.find(({ what }) => what === 'session.ended')?.detail).toMatchObject({
    reason: 'normal',
    why: 'The device left with a DISCONNECT.',
    seconds: expect.any(Number),
  });
  expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);

  const whatOf = async (kind: TimelineKind) => (await read({ kind })).items.map(({ what }) => what);
  expect(await whatOf('session')).toEqual(['session.ended', 'session.began']);
  expect(await whatOf('command')).toEqual(['command.expired', 'command.queued']);
  expect(await whatOf('change')).toEqual(['device.edited', 'device.registered']);
  const kinds = await Promise.all(timelineKinds.map(async (kind) => (await read({ kind })).items));
  expect(kinds.flat()).toHaveLength(items.length);
});

test('events of the same moment are on one page or the next, none of them twice', async () => {
  const { uuid } = await registerDevice(stack.url);
  await stack.sql`
    insert into device_sessions (device_id, connected_at, disconnected_at, reason)
    select ${uuid}, now() - make_interval(hours => hours), now() - interval '30 minutes', 'takenover'
    from generate_series(1, 5) as hours`;
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = { limit: '2', kind: 'session' as const, ...(cursor ? { cursor } : {}) };
    const answer = await api.devices[':id'].timeline.$get({ param: { id: uuid }, query });
    const page: { items: { id: string }[]; next: string | null } = await answer.json();
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.next;
  }
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toHaveLength(10);
});

test('a refused credential is a refusal in the timeline and the last one of its device, with its reason', async () => {
  const id = randomUUID();
  await api.devices.$post({ json: { id, role: 'agent' } });
  await callDevice(stack.url, tokenPath(id), 'not-the-key');
  await until('the refusal is written', async () => {
    const { items } = await (
      await api.devices[':id'].timeline.$get({ param: { id }, query: { kind: 'refusal' } })
    ).json();
    return items.some(
      ({ what, detail }) => what === 'credential.refused' && detail.after?.reason === 'bad_credential',
    );
  });
  expect((await presence(id)).lastRefusal).toMatchObject({ reason: 'bad_credential', address: '127.0.0.1' });
  const { uuid } = await registerDevice(stack.url);
  expect((await presence(uuid)).lastRefusal).toBeNull();
});

describe('the diagnosis', () => {
  test('of a device that is well is that it is online', async () => {
    const device = await registerDevice(stack.url);
    await connect(device);
    await until('it is online', async () => (await diagnosis(device.uuid)).state === 'ok');
    expect((await diagnosis(device.uuid)).next).toBeNull();
  });

  test('tells a device that never asked from one that did not reach the broker', async () => {
    const id = randomUUID();
    await api.devices.$post({ json: { id, role: 'agent' } });
    expect((await diagnosis(id)).message).toBe('The device has never asked for a token.');
    const { uuid } = await registerDevice(stack.url);
    await until('it was seen', async () => (await presence(uuid)).lastSeenAt !== null);
    expect((await diagnosis(uuid)).message).toBe(
      'The device has its token but has not connected to the broker.',
    );
  });

  test('names the refused key of a device', async () => {
    const id = randomUUID();
    await api.devices.$post({ json: { id, role: 'agent' } });
    await callDevice(stack.url, tokenPath(id), 'not-the-key');
    await until('the refusal is written', async () =>
      (await diagnosis(id)).message.includes('bad_credential'),
    );
    expect((await diagnosis(id)).next).toBe('Flash the device with the key of this UUID.');
  });

  test('tells two devices with one UUID', async () => {
    const device = await registerDevice(stack.url);
    for (let count = 0; count < 5; count++) await connect(device);
    await until('the conflict is noticed', async () => (await presence(device.uuid)).conflict);
    expect(await diagnosis(device.uuid)).toMatchObject({
      state: 'problem',
      message: 'Connections with this UUID keep replacing each other: two devices may have it.',
    });
  });

  test('tells a device that keeps coming and going', async () => {
    const device = await registerDevice(stack.url);
    for (let count = 1; count <= 5; count++) {
      await (await connect(device)).endAsync();
      await until('it is noted', async () => (await presence(device.uuid)).connects === count);
    }
    expect((await presence(device.uuid)).conflict).toBe(false);
    expect((await diagnosis(device.uuid)).message).toStartWith('The device connected 5 times');
  });

  test('tells a device that does not answer its command', async () => {
    const device = await registerDevice(stack.url);
    const client = await connect(device);
    await client.subscribeAsync(commandTopic(device.uuid), { qos: 1 });
    await api.devices[':id'].commands.$post({
      param: { id: device.uuid },
      query: {},
      header: {},
      json: { c: 'MUTE' },
    });
    await until('it is sent', async () => {
      const [row] = await stack.sql`
        update commands set attempts = 3 where device_id = ${device.uuid} and state = 'sent' returning id`;
      return row !== undefined;
    });
    await until('it is online', async () => (await presence(device.uuid)).online);
    expect((await diagnosis(device.uuid)).message).toContain('has not answered a command');
  });
});
