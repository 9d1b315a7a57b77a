import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { commandGroupDetail, commandGroupPage, unknownReplyPage } from '../contract/api/command-groups.ts';
import { commandPage } from '../contract/api/commands.ts';
import { auditOf, callApi, createApiKey, insertDevices } from './devices.ts';
import { connectDevice, registerDevice, type Stack, startStack, until } from './harness.ts';

let stack: Stack;
let key: string;

beforeAll(async () => {
  stack = await startStack();
  key = await createApiKey(stack, 'admin');
}, 60_000);
afterAll(() => stack.close());

function post(body: unknown, headers: Readonly<Record<string, string>> = {}, by = key) {
  return callApi(stack, by, 'POST', '/command-groups', {
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
}

async function create(body: unknown) {
  const response = await post(body);
  expect(response.status).toBe(201);
  return commandGroupDetail.strict().parse(await response.json());
}

async function read<T extends z.ZodType>(path: string, answer: T): Promise<z.output<T>> {
  const response = await callApi(stack, key, 'GET', path);
  expect(response.status).toBe(200);
  return answer.parse(await response.json());
}

const readGroup = (id: string) => read(`/command-groups/${id}`, commandGroupDetail);

describe('a command group', () => {
  test('reaches each agent of a master, and its progress follows their replies', async () => {
    const master = await registerDevice(stack.url, 'master');
    const agents = [await registerDevice(stack.url), await registerDevice(stack.url)];
    const absent = await registerDevice(stack.url);
    const ids = [...agents, absent].map(({ uuid }) => uuid);
    await stack.sql`update devices set master_id = ${master.uuid} where id = any(${ids})`;
    const received: unknown[] = [];
    const clients = await Promise.all(
      agents.map(async (agent, at) => {
        const client = await connectDevice(stack.broker.mqttUrl, agent);
        client.on('message', (_, payload) => {
          const message = JSON.parse(payload.toString());
          received.push({ c: message.c, a: message.a });
          const reply = at === 0 ? { i: message.i, c: 'OK' } : { i: message.i, c: 'ERROR', m: 'no LED' };
          client.publish(`device/${agent.uuid}/reply`, JSON.stringify(reply), { qos: 1 });
        });
        await client.subscribeAsync(`device/${agent.uuid}/command`, { qos: 1 });
        return client;
      }),
    );
    const group = await create({ c: 'LED', a: { on: 'ä"' }, target: { master: master.uuid } });
    expect(group).toMatchObject({ total: 3, refusedTotal: 0, target: { master: master.uuid } });
    await until('two have answered', async () => {
      const { progress } = await readGroup(group.id);
      return progress.done === 1 && progress.failed === 1;
    });
    expect(await readGroup(group.id)).toMatchObject({
      progress: { queued: 1, sent: 0, done: 1, failed: 1, expired: 0, cancelled: 0, removed: 0 },
      finished: false,
    });
    expect(received).toEqual([
      { c: 'LED', a: { on: 'ä"' } },
      { c: 'LED', a: { on: 'ä"' } },
    ]);
    const failed = await read(`/command-groups/${group.id}/commands?state=failed`, commandPage);
    expect(failed.items).toMatchObject([{ device: agents[1]?.uuid, group: group.id, error: 'no LED' }]);
    expect((await auditOf(stack, absent.uuid)).at(-1)).toMatchObject({
      action: 'command.queued',
      after: { c: 'LED', group: group.id },
    });
    for (const client of clients) client.end(true);
  });

  test('names the devices that it refuses, each with the reason', async () => {
    const [ready = '', pending = '', revoked = '', full = ''] = await insertDevices(stack, 4, () => ({}));
    const unknown = randomUUID();
    await stack.sql`update devices set state = 'pending' where id = ${pending}`;
    await stack.sql`update devices set state = 'revoked' where id = ${revoked}`;
    for (let at = 0; at < 16; at++) await create({ c: 'FILL', target: { devices: [full] } });
    const group = await create({
      c: 'LED',
      target: { devices: [full, unknown, ready, pending, revoked, ready] },
    });
    expect(group).toMatchObject({ total: 1, refusedTotal: 4, target: { devices: 5 } });
    expect(new Map(group.refused.map(({ device, reason }) => [device, reason]))).toEqual(
      new Map([
        [unknown, 'unknown'],
        [pending, 'pending'],
        [revoked, 'revoked'],
        [full, 'queue_full'],
      ] as const),
    );
  });

  test('is queued once for one idempotency key, however often and at the same time it is asked for', async () => {
    const devices = await insertDevices(stack, 2, () => ({}));
    const headers = { 'idempotency-key': randomUUID() };
    const body = { c: 'ONCE', target: { devices } };
    const responses = await Promise.all(Array.from({ length: 5 }, () => post(body, headers)));
    const groups = await Promise.all(
      responses.map(async (response) => commandGroupDetail.parse(await response.json())),
    );
    expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 201]);
    expect(new Set(groups.map(({ id }) => id)).size).toBe(1);
    const [row] = await stack.sql`select count(*)::int as count from commands where name = 'ONCE'`;
    expect(row?.count).toBe(2);
    expect((await post({ ...body, c: 'OTHER' }, headers)).status).toBe(422);
  });

  test('of 10,000 devices by tag is queued; of more it is refused as a whole', async () => {
    const ids = await insertDevices(stack, 10_000, () => ({}));
    await stack.sql`update devices set tags = array['many'] where id = any(${ids})`;
    const group = await create({ c: 'MANY', target: { tag: 'many' }, expiry: 60 });
    expect(group).toMatchObject({ total: 10_000, progress: { queued: 10_000 } });
    const [more = ''] = await insertDevices(stack, 1, () => ({}));
    await stack.sql`update devices set tags = array['many'] where id = ${more}`;
    expect((await post({ c: 'MORE', target: { tag: 'many' } })).status).toBe(409);
    expect((await post({ c: 'LIST', target: { devices: ids } })).status).toBe(201);
  }, 60_000);

  test('that is cancelled ends what is open and nothing else, once', async () => {
    const ids = await insertDevices(stack, 3, () => ({}));
    const group = await create({ c: 'STOP', target: { devices: ids } });
    await stack.sql`
      update commands set state = 'done', finished_at = now() where group_id = ${group.id} and device_id = ${ids[0] ?? ''}`;
    const cancel = async () => {
      const response = await callApi(stack, key, 'DELETE', `/command-groups/${group.id}`);
      expect(response.status).toBe(200);
      return commandGroupDetail.parse(await response.json());
    };
    const cancelled = await cancel();
    expect(cancelled).toMatchObject({ progress: { done: 1, cancelled: 2 }, finished: true });
    expect(await cancel()).toEqual(cancelled);
    expect((await auditOf(stack, group.id)).map(({ action }) => action)).toEqual([
      'command_group.queued',
      'command_group.cancelled',
    ]);
    await stack.sql`delete from devices where id = ${ids[1] ?? ''}`;
    expect((await readGroup(group.id)).progress).toMatchObject({ done: 1, cancelled: 1, removed: 1 });
  });

  test('is listed newest first, in pages', async () => {
    const ids: string[] = [];
    for (let at = 0; at < 3; at++) {
      ids.unshift((await create({ c: 'PAGE', target: { devices: [randomUUID()] } })).id);
    }
    const first = await read('/command-groups?limit=2', commandGroupPage);
    const second = await read(`/command-groups?limit=2&cursor=${first.next}`, commandGroupPage);
    expect([...first.items, ...second.items].map(({ id }) => id).slice(0, 3)).toEqual(ids);
  });

  test('whose arguments are nested beyond any message is refused as too large', async () => {
    const nested = (levels: number) => `{"x":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    for (const levels of [1_100, 240_000]) {
      const response = await callApi(stack, key, 'POST', '/command-groups', {
        body: `{"c":"x","a":${nested(levels)},"target":{"tag":"nested"}}`,
        headers: { 'content-type': 'application/json' },
      });
      expect(response.status).toBe(422);
      expect(await response.json()).toMatchObject({ errors: [{ field: '/a' }] });
    }
  });

  test('of arguments nested as deep as a message allows is queued', async () => {
    const [id] = await insertDevices(stack, 1, () => ({}));
    const a = JSON.parse(`{"x":${'['.repeat(950)}${']'.repeat(950)}}`);
    await create({ c: 'x', a, target: { devices: [id] } });
  });

  test('is refused to viewers, for no device, and for what is malformed', async () => {
    const viewer = await createApiKey(stack, 'viewer');
    const body = { c: 'LED', target: { tag: 'nobody' } };
    expect((await post(body, {}, viewer)).status).toBe(403);
    expect((await post(body)).status).toBe(409);
    expect((await post({ c: 'LED', target: { master: randomUUID() } })).status).toBe(409);
    for (const target of [{}, { devices: [] }, { devices: ['x'] }, { tag: 'a', master: randomUUID() }]) {
      expect((await post({ c: 'LED', target })).status).toBe(422);
    }
    expect((await post({ c: 'LED', a: { x: 'y'.repeat(2_048) }, target: { tag: 'many' } })).status).toBe(422);
    expect((await callApi(stack, key, 'GET', '/command-groups/none')).status).toBe(404);
    expect((await callApi(stack, viewer, 'DELETE', '/command-groups/none')).status).toBe(403);
  });
});

test('replies that name no command are listed by device and counted', async () => {
  const device = await registerDevice(stack.url);
  const client = await connectDevice(stack.broker.mqttUrl, device);
  for (const i of ['a', 'b']) {
    await client.publishAsync(`device/${device.uuid}/reply`, JSON.stringify({ i, c: 'OK' }), { qos: 1 });
  }
  const listed = async () => {
    const { items } = await read('/unknown-replies?limit=1', unknownReplyPage);
    return items.find((found) => found.device === device.uuid);
  };
  await until('both are counted', async () => (await listed())?.count === 2);
  expect(await listed()).toMatchObject({ last: '{"i":"b","c":"OK"}' });
  client.end(true);
});
