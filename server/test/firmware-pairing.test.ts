import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { shiftedClock } from './clocks.ts';
import { auditOf, insertDevices } from './devices.ts';
import {
  AGENT_SECRET,
  connectDevice,
  registerDevice,
  type Stack,
  startStack,
  type TestDevice,
  until,
} from './harness.ts';

const clock = shiftedClock();
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ clock, env: { RATE_LIMIT_DEVICE: '1000' } });
}, 60_000);
afterAll(() => stack.close());

const answer = z.object({
  c: z.string(),
  r: z.string().optional(),
  code: z.string().optional(),
  x: z.number().optional(),
  a: z.array(z.string()).optional(),
  next: z.string().optional(),
  ms: z.number().optional(),
});

async function call(
  device: Pick<TestDevice, 'token'> | undefined,
  method: string,
  path: string,
  body?: unknown,
) {
  const response = await fetch(`${stack.url}/devices/${path}`, {
    method,
    headers: device ? { authorization: `Bearer ${device.token}` } : {},
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  expect(response.headers.get('cache-control')).toBe('no-store');
  const { status, headers } = response;
  const rateLimit = Object.fromEntries([...headers].filter(([name]) => name.startsWith('ratelimit-')));
  return {
    ...answer.parse(await response.json()),
    status,
    retryAfter: headers.get('retry-after'),
    rateLimit,
  };
}

async function codeOf(agent: TestDevice): Promise<string> {
  const { code } = await call(agent, 'POST', 'pairing-code');
  return code ?? '';
}

const claim = (master: TestDevice, agent: Pick<TestDevice, 'uuid'>, code: string) =>
  call(master, 'PUT', `agents/${agent.uuid}`, { code });

async function masterOf(agent: TestDevice): Promise<unknown> {
  const [row] = await stack.sql`select master_id from devices where id = ${agent.uuid}`;
  return row?.master_id;
}

/** A code that is not `code`. */
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

const agent = () => registerDevice(stack.url, 'agent');
const master = () => registerDevice(stack.url, 'master');

describe('pairing by code', () => {
  test('pairs the agent with the master that sends its code, effective immediately', async () => {
    const [one, its] = [await agent(), await master()];
    const client = await connectDevice(stack.broker.mqttUrl, one);
    const given = await call(one, 'POST', 'pairing-code');
    expect(given).toMatchObject({ status: 200, c: 'OK', x: 300 });
    expect(given.code).toMatch(/^\d{6}$/);
    const paired = await claim(its, one, given.code ?? '');
    expect(paired).toMatchObject({ status: 200, c: 'OK' });
    expect(paired.ms).toBeNumber();
    const [grant] = await client.subscribeAsync(`device/${its.uuid}/master`);
    expect(grant?.qos).toBe(0);
    expect(await call(its, 'GET', 'agents')).toMatchObject({ c: 'OK', a: [one.uuid] });
    expect((await auditOf(stack, one.uuid)).at(-1)).toMatchObject({
      action: 'device.paired',
      actor_kind: 'device',
      actor: its.uuid,
      before: { master: null },
      after: { master: its.uuid },
    });

    expect(await call(its, 'DELETE', `agents/${one.uuid}`)).toMatchObject({ status: 200, c: 'OK' });
    expect(await masterOf(one)).toBeNull();
    await expect(client.subscribeAsync(`device/${its.uuid}/master`)).rejects.toThrow();
    expect((await auditOf(stack, one.uuid)).at(-1)).toMatchObject({
      action: 'device.unpaired',
      actor: its.uuid,
      before: { master: its.uuid },
      after: { master: null },
    });
    await client.endAsync(true);
  });

  test('a code is valid once', async () => {
    const [one, its] = [await agent(), await master()];
    const code = await codeOf(one);
    await claim(its, one, code);
    await call(its, 'DELETE', `agents/${one.uuid}`);
    expect(await claim(its, one, code)).toMatchObject({ status: 403, r: 'wrong_device' });
  });

  test('a new code replaces the one before', async () => {
    const [one, its] = [await agent(), await master()];
    const old = await codeOf(one);
    let code = await codeOf(one);
    while (code === old) code = await codeOf(one);
    expect(await claim(its, one, old)).toMatchObject({ status: 403, r: 'wrong_device' });
    expect(await claim(its, one, code)).toMatchObject({ c: 'OK' });
  });

  test('a code expires after five minutes', async () => {
    const [one, its] = [await agent(), await master()];
    const code = await codeOf(one);
    clock.shift(299_000);
    const other = await agent();
    const second = await codeOf(other);
    clock.shift(2_000);
    expect(await claim(its, one, code)).toMatchObject({ status: 403, r: 'wrong_device' });
    expect(await claim(its, other, second)).toMatchObject({ c: 'OK' });
  });

  test('a repeated PUT gets the same answer, whatever its code, and a repeated DELETE is refused', async () => {
    const [one, its] = [await agent(), await master()];
    await claim(its, one, await codeOf(one));
    expect(await claim(its, one, '000000')).toMatchObject({ c: 'OK' });
    const paired = (await auditOf(stack, one.uuid)).filter(({ action }) => action === 'device.paired');
    expect(paired).toHaveLength(1);
    await call(its, 'DELETE', `agents/${one.uuid}`);
    expect(await call(its, 'DELETE', `agents/${one.uuid}`)).toMatchObject({ status: 403, r: 'wrong_device' });
  });

  test('of two masters with the same code one gets the agent', async () => {
    const one = await agent();
    const masters = [await master(), await master(), await master()];
    const code = await codeOf(one);
    const answers = await Promise.all(masters.map((its) => claim(its, one, code)));
    expect(answers.map(({ c }) => c).toSorted()).toEqual(['FORBIDDEN', 'FORBIDDEN', 'OK']);
  });

  test('the code is stored only as a keyed hash', async () => {
    const one = await agent();
    const code = await codeOf(one);
    const [row] = await stack.sql`select code_hash from pairing_codes where agent_id = ${one.uuid}`;
    expect(row?.code_hash).toMatch(/^[0-9a-f]{64}$/);
    expect(row?.code_hash).not.toBe(new Bun.CryptoHasher('sha256').update(code).digest('hex'));
    expect(JSON.stringify(await auditOf(stack, one.uuid))).not.toContain(code);
  });
});

describe('guessing', () => {
  test('an unknown agent, one without a code, one of another master and a wrong code are refused alike', async () => {
    const [its, other, taken, bare, shown] = [
      await master(),
      await master(),
      await agent(),
      await agent(),
      await agent(),
    ];
    await claim(other, taken, await codeOf(taken));
    const code = await codeOf(shown);
    const guesses = [{ uuid: randomUUID() }, bare, taken, shown, other, its];
    const answers = [];
    for (const guess of guesses) answers.push(await claim(its, guess, wrong(code)));
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 403, c: 'FORBIDDEN', r: 'wrong_device' });
    expect((await auditOf(stack, shown.uuid)).at(-1)).toMatchObject({
      action: 'device.pairing_refused',
      actor: its.uuid,
    });
  });

  test('five wrong codes, from any masters, invalidate a code', async () => {
    const one = await agent();
    const code = await codeOf(one);
    for (let at = 0; at < 5; at++)
      expect(await claim(await master(), one, wrong(code))).toMatchObject({ status: 403 });
    expect(await claim(await master(), one, code)).toMatchObject({ status: 403, r: 'wrong_device' });
    expect(await claim(await master(), one, await codeOf(one))).toMatchObject({ c: 'OK' });
  });

  test('ten wrong codes block a master for all agents, even with correct codes', async () => {
    const its = await master();
    for (let at = 0; at < 10; at++) {
      expect(await claim(its, { uuid: randomUUID() }, '123456')).toMatchObject({ status: 403 });
    }
    const one = await agent();
    const refused = await claim(its, one, await codeOf(one));
    expect(refused).toMatchObject({ status: 429, r: 'rate_limited' });
    expect(Number(refused.retryAfter)).toBeWithin(500, 901);
    expect(refused.rateLimit).toEqual({
      'ratelimit-policy': '10;w=600',
      'ratelimit-limit': '10',
      'ratelimit-remaining': '0',
      'ratelimit-reset': expect.stringMatching(/^(5\d\d|600)$/),
    });
    expect(await masterOf(one)).toBeNull();
    clock.shift(600_000);
    expect(await claim(its, one, await codeOf(one))).toMatchObject({ c: 'OK' });
  });

  test('concurrent guesses are each counted', async () => {
    const [its, one] = [await master(), await agent()];
    const code = await codeOf(one);
    const answers = await Promise.all(Array.from({ length: 15 }, () => claim(its, one, wrong(code))));
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(5);
  });
});

describe('who may', () => {
  test('agents cannot have agents, masters cannot have codes', async () => {
    const [one, its] = [await agent(), await master()];
    for (const [device, method, path] of [
      [one, 'GET', 'agents'],
      [one, 'PUT', `agents/${its.uuid}`],
      [one, 'DELETE', `agents/${its.uuid}`],
      [its, 'POST', 'pairing-code'],
    ] as const) {
      expect(await call(device, method, path)).toMatchObject({ status: 403, r: 'wrong_role' });
    }
  });

  test('an agent that is paired gets no code', async () => {
    const [one, its] = [await agent(), await master()];
    await claim(its, one, await codeOf(one));
    expect(await call(one, 'POST', 'pairing-code')).toMatchObject({ status: 409, c: 'ERROR', r: 'conflict' });
  });

  test("a master cannot end another one's pairing, nor learn of it", async () => {
    const [one, its, other] = [await agent(), await master(), await master()];
    await claim(its, one, await codeOf(one));
    const refused = await call(other, 'DELETE', `agents/${one.uuid}`);
    expect(refused).toMatchObject({ status: 403, r: 'wrong_device' });
    expect(await call(other, 'DELETE', `agents/${randomUUID()}`)).toEqual(refused);
    expect(await masterOf(one)).toBe(its.uuid);
  });

  test('requires a token of the current generation', async () => {
    const its = await master();
    const routes = [
      ['GET', 'agents'],
      ['PUT', `agents/${randomUUID()}`],
      ['DELETE', `agents/${randomUUID()}`],
      ['POST', 'pairing-code'],
    ] as const;
    await stack.sql`update devices set generation = 2 where id = ${its.uuid}`;
    for (const [method, path] of routes) {
      expect(await call(undefined, method, path)).toMatchObject({ status: 401, r: 'no_credential' });
      expect(await call({ token: AGENT_SECRET }, method, path)).toMatchObject({
        status: 401,
        r: 'bad_credential',
      });
      expect(await call(its, method, path)).toMatchObject({ status: 401, r: 'superseded' });
    }
  });

  test('a token that is replaced while its request waits pairs nothing', async () => {
    const [one, its] = [await agent(), await master()];
    const code = await codeOf(one);
    const { claimed } = await stack.sql.begin(async (tx) => {
      await tx`update devices set generation = 2 where id = ${its.uuid}`;
      const waiting = claim(its, one, code);
      await until('the claim waits for the master', async () => {
        const locked = await stack.sql`
          select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        return locked.length > 0;
      });
      return { claimed: waiting };
    });
    expect(await claimed).toMatchObject({ status: 401, r: 'superseded' });
    expect(await masterOf(one)).toBeNull();
  });

  test.each([
    ['PUT', `agents/${randomUUID()}`, undefined],
    ['PUT', `agents/${randomUUID()}`, '{"code":123456}'],
    ['PUT', `agents/${randomUUID()}`, '{"code":"12345"}'],
    ['PUT', `agents/${randomUUID()}`, '{"code":"１２３４５６"}'],
    ['PUT', `agents/${randomUUID()}`, `{"code":"123456","x":"${'x'.repeat(300)}"}`],
    ['PUT', 'agents/x', '{"code":"123456"}'],
    ['DELETE', 'agents/x', undefined],
    ['GET', 'agents?limit=0', undefined],
    ['GET', 'agents?limit=101', undefined],
    ['GET', 'agents?after=x', undefined],
  ])('%s %s %s is answered with 400', async (method, path, body) => {
    expect(await call(await master(), method, path, body)).toMatchObject({ status: 400, r: 'bad_request' });
  });

  test.each([
    ['POST', 'agents'],
    ['GET', `agents/${randomUUID()}`],
    ['GET', 'pairing-code'],
  ])('%s %s is answered with 405', async (method, path) => {
    expect(await call(await master(), method, path)).toMatchObject({ status: 405, r: 'bad_method' });
  });
});

test('a master reads 500 agents page by page', async () => {
  const its = await master();
  const agents = await insertDevices(stack, 500, () => ({ master: its.uuid }));
  const read: string[] = [];
  let next: string | undefined;
  do {
    const page = await call(its, 'GET', `agents?limit=100${next ? `&after=${next}` : ''}`);
    read.push(...(page.a ?? []));
    next = page.next;
  } while (next);
  expect(read).toEqual(agents.toSorted());
  expect((await call(its, 'GET', 'agents')).a).toHaveLength(20);
});
