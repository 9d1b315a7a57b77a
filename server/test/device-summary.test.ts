import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type ApiClient, apiClient, callApi, createApiKey, insertDevices } from './devices.ts';
import { type Stack, startStack } from './harness.ts';

let stack: Stack;
let viewer: ApiClient;
beforeAll(async () => {
  stack = await startStack({ broker: false });
  viewer = await apiClient(stack, 'viewer');
  const [master = ''] = await insertDevices(stack, 1, () => ({ role: 'master', name: 'Hall' }));
  const ids = await insertDevices(stack, 6, (at) => ({
    name: `Sensor ${at}`,
    ...(at < 2 ? { master } : {}),
  }));
  await stack.sql`update devices set state = 'pending' where id = ${ids[2] ?? ''}`;
  await stack.sql`update devices set state = 'revoked' where id = ${ids[3] ?? ''}`;
  await stack.sql`update devices set connected_at = now(), last_seen_at = now() where id = ${ids[0] ?? ''}`;
  await stack.sql`update devices set last_seen_at = now() where id = ${ids[1] ?? ''}`;
}, 60_000);
afterAll(() => stack?.close());

describe('GET /devices/summary', () => {
  test('counts the devices by state, connection and role', async () => {
    const summary = await (await viewer.devices.summary.$get({ query: {} })).json();
    expect(summary).toEqual({
      total: 7,
      active: 5,
      pending: 1,
      revoked: 1,
      online: 1,
      offline: 4,
      neverSeen: 3,
      masters: 1,
      agents: 6,
      unpairedAgents: 4,
      flapping: 0,
    });
  });

  test('counts a device as flapping that had five sessions within ten minutes, and lists it', async () => {
    const [restless = '', calm = ''] = await insertDevices(stack, 2, (at) => ({ name: `Flapping ${at}` }));
    for (const [id, sessions, minutesAgo] of [
      [restless, 5, 1],
      [calm, 4, 1],
      [calm, 5, 11],
    ] as const) {
      await stack.sql`
        insert into device_sessions (device_id, connected_at, noted_at)
        select ${id}, at, at from (
          select now() - make_interval(mins => ${minutesAgo}, secs => n) as at from generate_series(1, ${sessions}) as n) as session`;
    }
    const { flapping, total } = await (
      await viewer.devices.summary.$get({ query: { q: 'flapping' } })
    ).json();
    expect({ flapping, total }).toEqual({ flapping: 1, total: 2 });
    const { items } = await (await viewer.devices.$get({ query: { flapping: 'true' } })).json();
    expect(items.map(({ id }) => id)).toEqual([restless]);
    await stack.sql`delete from devices where id in (${restless}, ${calm})`;
  });

  test('counts those that a filter chooses, and none where nothing matches', async () => {
    const active = await (
      await viewer.devices.summary.$get({ query: { q: 'sensor', state: 'active' } })
    ).json();
    expect(active).toMatchObject({ total: 4, active: 4, pending: 0, online: 1, masters: 0 });
    const none = await (await viewer.devices.summary.$get({ query: { q: 'no such name' } })).json();
    expect(new Set(Object.values(none))).toEqual(new Set([0]));
  });

  test('refuses a malformed filter, and a request without credentials', async () => {
    const key = await createApiKey(stack, 'viewer');
    expect((await callApi(stack, key, 'GET', '/devices/summary?state=lost')).status).toBe(400);
    expect((await fetch(`${stack.url}/api/v1/devices/summary`)).status).toBe(401);
  });
});
