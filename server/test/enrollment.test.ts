import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { deviceKey } from '../src/platform/secrets.ts';
import {
  AGENT_SECRET,
  callDevice,
  type DeviceAnswer,
  MASTER_SECRET,
  registerDevice,
  type Stack,
  startStack,
  tokenPath,
} from './harness.ts';

let stack: Stack;

function retryAfter(answer: DeviceAnswer): number {
  return Number(answer.headers.get('retry-after'));
}

async function devicesNamed(uuid: string): Promise<readonly unknown[]> {
  return await stack.sql`select role, state, generation from devices where id = ${uuid}`;
}

beforeAll(async () => {
  stack = await startStack({ broker: false });
}, 60_000);
afterAll(() => stack.close());

describe('ENROLLMENT=approval', () => {
  beforeAll(() => stack.startServer({ ENROLLMENT: 'approval' }));

  test('an unknown device gets Retry-After, and its token once approved', async () => {
    const uuid = randomUUID();
    const waits: number[] = [];
    for (let again = 0; again < 20; again++) {
      const answer = await callDevice(stack.url, tokenPath(uuid), AGENT_SECRET);
      expect(answer).toMatchObject({ status: 403, c: 'NOT_REGISTERED', r: 'pending' });
      expect(answer.t).toBeUndefined();
      waits.push(retryAfter(answer));
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(60);
    expect(Math.max(...waits)).toBeLessThanOrEqual(90);
    expect(new Set(waits).size).toBeGreaterThan(1);
    expect(await devicesNamed(uuid)).toEqual([{ role: 'agent', state: 'pending', generation: 1 }]);

    await stack.sql`update devices set state = 'active' where id = ${uuid}`;
    const answer = await callDevice(stack.url, tokenPath(uuid), AGENT_SECRET);
    expect(answer).toMatchObject({ status: 200, c: 'OK', u: `${uuid}.1` });
  });

  test('a pending device cannot change its role', async () => {
    const uuid = randomUUID();
    await callDevice(stack.url, tokenPath(uuid), deviceKey(AGENT_SECRET, uuid));
    const answer = await callDevice(stack.url, tokenPath(uuid), deviceKey(MASTER_SECRET, uuid));
    expect(answer).toMatchObject({ status: 403, r: 'wrong_role' });
    expect(await devicesNamed(uuid)).toEqual([{ role: 'agent', state: 'pending', generation: 1 }]);
  });

  test('a bad credential leaves no pending device behind', async () => {
    const uuid = randomUUID();
    expect((await callDevice(stack.url, tokenPath(uuid), 'some-wrong-secret')).status).toBe(401);
    expect(await devicesNamed(uuid)).toEqual([]);
  });
});

describe('ENROLLMENT=closed', () => {
  beforeAll(() => stack.startServer({ ENROLLMENT: 'closed' }));

  test('an unknown device is refused with Retry-After, and not stored', async () => {
    const uuid = randomUUID();
    for (const credential of [AGENT_SECRET, deviceKey(MASTER_SECRET, uuid)]) {
      const answer = await callDevice(stack.url, tokenPath(uuid), credential);
      expect(answer).toMatchObject({ status: 403, c: 'NOT_REGISTERED', r: 'unknown_device' });
      expect(retryAfter(answer)).toBeWithin(300, 451);
    }
    expect(await devicesNamed(uuid)).toEqual([]);
  });

  test('a pre-registered device gets its token', async () => {
    const uuid = randomUUID();
    await stack.sql`insert into devices (id, role, state, created_at) values (${uuid}, 'master', 'active', now())`;
    expect((await registerDevice(stack.url, 'master', uuid)).username).toBe(`${uuid}.1`);
  });
});

describe('DEVICE_CREDENTIALS=derived', () => {
  beforeAll(() => stack.startServer({ ENROLLMENT: 'open', DEVICE_CREDENTIALS: 'derived' }));

  test('role secrets are refused, for known devices too', async () => {
    const known = await registerDevice(stack.url);
    for (const uuid of [known.uuid, randomUUID()]) {
      for (const secret of [AGENT_SECRET, MASTER_SECRET]) {
        const answer = await callDevice(stack.url, tokenPath(uuid), secret);
        expect(answer).toMatchObject({ status: 401, c: 'FORBIDDEN', r: 'bad_credential' });
      }
    }
  });

  test('device keys and tokens are accepted', async () => {
    const { uuid, token } = await registerDevice(stack.url, 'master');
    expect(await callDevice(stack.url, tokenPath(uuid), token)).toMatchObject({ status: 200, c: 'OK' });
  });
});
