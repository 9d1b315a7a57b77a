import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { deviceKey } from '../src/platform/secrets.ts';
import { type ApiClient, apiClient, auditOf, callApi, createApiKey, statusOf } from './devices.ts';
import {
  AGENT_SECRET,
  callDevice,
  MASTER_SECRET,
  registerDevice,
  type Stack,
  startStack,
  tokenPath,
} from './harness.ts';

let stack: Stack;
let api: ApiClient;

beforeAll(async () => {
  stack = await startStack({
    broker: false,
    env: { RATE_LIMIT_FAILED: '100000', RATE_LIMIT_DEVICE: '1000' },
  });
  api = await apiClient(stack);
}, 60_000);
afterAll(() => stack.close());

function request(uuid: string, credential: string) {
  return callDevice(stack.url, tokenPath(uuid), credential);
}

function key(uuid: string, number: number): string {
  return deviceKey(AGENT_SECRET, uuid, number);
}

async function rotate(id: string, query: { key?: 'true' | 'false' } = {}) {
  return await (await api.devices[':id'].rotate.$post({ param: { id }, query })).json();
}

describe('rotating with key=true', () => {
  test('replaces the device key: the old one is superseded, the new one opens, and the answer says so', async () => {
    const { uuid, token } = await registerDevice(stack.url);
    expect(await rotate(uuid, { key: 'true' })).toMatchObject({
      device: { generation: 2, keyNumber: 1 },
      replaced: ['tokens', 'key'],
    });
    for (const old of [key(uuid, 0), token]) {
      expect(await request(uuid, old)).toMatchObject({ status: 401, c: 'FORBIDDEN', r: 'superseded' });
    }
    expect(await request(uuid, key(uuid, 1))).toMatchObject({ status: 200, u: `${uuid}.2` });
    await rotate(uuid, { key: 'true' });
    for (const number of [0, 1]) {
      expect(await request(uuid, key(uuid, number))).toMatchObject({ status: 401, r: 'superseded' });
    }
    expect(await request(uuid, key(uuid, 2))).toMatchObject({ status: 200, u: `${uuid}.3` });
    expect((await auditOf(stack, uuid)).filter(({ action }) => action === 'device.rotated')).toMatchObject([
      { before: { keyNumber: 0 }, after: { keyNumber: 1, generation: 2 } },
      { before: { keyNumber: 1 }, after: { keyNumber: 2, generation: 3 } },
    ]);
  });

  test('touches no other device, and no key that was never valid opens', async () => {
    const { uuid } = await registerDevice(stack.url);
    const other = await registerDevice(stack.url);
    await rotate(uuid, { key: 'true' });
    expect(await request(other.uuid, key(other.uuid, 0))).toMatchObject({ status: 200 });
    for (const wrong of [
      key(uuid, 2),
      key(other.uuid, 1),
      deviceKey('some-other-secret-00', uuid, 1),
      'x'.repeat(43),
    ]) {
      expect(await request(uuid, wrong)).toMatchObject({ status: 401, r: 'bad_credential' });
    }
    expect(await request(uuid, deviceKey(MASTER_SECRET, uuid, 1))).toMatchObject({
      status: 403,
      r: 'wrong_role',
    });
  });

  test('is told apart from a rotation of the tokens, which leaves the key as it is', async () => {
    const { uuid } = await registerDevice(stack.url);
    for (const query of [{}, { key: 'false' as const }]) {
      expect(await rotate(uuid, query)).toMatchObject({ device: { keyNumber: 0 }, replaced: ['tokens'] });
    }
    expect(await request(uuid, key(uuid, 0))).toMatchObject({ status: 200, u: `${uuid}.3` });
  });

  test('takes no other value and no other parameter', async () => {
    const { uuid } = await registerDevice(stack.url);
    const admin = await createApiKey(stack, 'admin');
    for (const query of ['key=1', 'key=', 'keys=true', 'key=true&key=false']) {
      const answer = await callApi(stack, admin, 'POST', `/devices/${uuid}/rotate?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
    }
    expect(await request(uuid, key(uuid, 0))).toMatchObject({ status: 200, u: `${uuid}.1` });
    const viewer = await apiClient(stack, 'viewer');
    const forbidden = viewer.devices[':id'].rotate.$post({ param: { id: uuid }, query: { key: 'true' } });
    expect(await statusOf(forbidden)).toBe(403);
  });
});

describe('a deleted device', () => {
  test('comes back by its last key alone, or a role secret', async () => {
    for (const last of ['key', 'secret']) {
      const { uuid } = await registerDevice(stack.url);
      await rotate(uuid, { key: 'true' });
      await api.devices[':id'].$delete({ param: { id: uuid } });
      expect(await request(uuid, key(uuid, 0))).toMatchObject({ status: 401, r: 'superseded' });
      expect(await stack.sql`select 1 from devices where id = ${uuid}`).toHaveLength(0);
      const back = await request(uuid, last === 'key' ? key(uuid, 1) : AGENT_SECRET);
      expect(back).toMatchObject({ status: 200, u: `${uuid}.3` });
      expect(await request(uuid, key(uuid, 0))).toMatchObject({ status: 401, r: 'superseded' });
      expect(await request(uuid, key(uuid, 1))).toMatchObject({ status: 200 });
    }
  });
});

describe('POST /devices/{id}/key', () => {
  const shown = async (id: string, json: { role?: 'agent'; keyNumber?: number } = {}) =>
    await (await api.devices[':id'].key.$post({ param: { id }, json })).json();

  test('answers the current key, or that of a number', async () => {
    const { uuid } = await registerDevice(stack.url);
    await rotate(uuid, { key: 'true' });
    expect(await shown(uuid)).toMatchObject({ keyNumber: 1, key: key(uuid, 1) });
    const next = await shown(uuid, { keyNumber: 2 });
    expect(next).toMatchObject({ keyNumber: 2, key: key(uuid, 2) });
    expect(next.header).toContain(key(uuid, 2));
    expect((await auditOf(stack, uuid)).at(-1)).toMatchObject({
      action: 'device.key_shown',
      after: { keyNumber: 2 },
    });
    await api.devices[':id'].$delete({ param: { id: uuid } });
    expect(await shown(uuid, { role: 'agent' })).toMatchObject({ keyNumber: 1, key: key(uuid, 1) });
    expect(await shown(randomUUID(), { role: 'agent' })).toMatchObject({ keyNumber: 0 });
  });

  test.each([-1, 1.5, 2 ** 31])('refuses the number %d', async (keyNumber) => {
    const { uuid } = await registerDevice(stack.url);
    const answer = api.devices[':id'].key.$post({ param: { id: uuid }, json: { keyNumber } });
    expect(await statusOf(answer)).toBe(422);
  });
});
