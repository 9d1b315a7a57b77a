import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { readCsv } from '../src/platform/csv.ts';
import { manualClock } from './clocks.ts';
import {
  AGENT_SECRET,
  callDevice,
  MASTER_SECRET,
  registerDevice,
  type Stack,
  startStack,
  tokenPath,
  until,
} from './harness.ts';
import { ADMIN_ENV, addApiKey, addOperator, type Browser, call, logIn, problemOf } from './operators.ts';

const clock = manualClock();
let stack: Stack;
let admin: Browser;

beforeAll(async () => {
  stack = await startStack({ broker: false, clock, env: ADMIN_ENV });
  admin = await logIn(stack);
}, 60_000);
afterAll(() => stack.close());

const page = z.object({
  items: z.array(
    z.object({
      id: z.int(),
      at: z.string(),
      actorKind: z.string(),
      actor: z.string(),
      address: z.string().nullable(),
      requestId: z.string().nullable(),
      action: z.string(),
      subject: z.string().nullable(),
      before: z.record(z.string(), z.unknown()).nullable(),
      after: z.record(z.string(), z.unknown()).nullable(),
    }),
  ),
  next: z.string().nullable(),
});

async function audit(query: Readonly<Record<string, string>>) {
  const answer = await admin.call('GET', `/audit?${new URLSearchParams(query)}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return page.parse(answer.body);
}

test('the table refuses UPDATE, DELETE and TRUNCATE', async () => {
  for (const statement of [
    "update audit_log set actor = 'nobody'",
    'delete from audit_log',
    'truncate audit_log',
  ]) {
    expect(stack.sql.unsafe(statement)).rejects.toThrow('append-only');
  }
  expect((await audit({})).items.length).toBeGreaterThan(0);
});

describe('GET /audit', () => {
  test('records who did what to what, when, from where and in which request', async () => {
    const key = await addApiKey(admin, { name: 'auditor', role: 'admin' });
    clock.advance(1_000);
    const answer = await call(
      stack,
      'POST',
      '/operators',
      { username: 'audited', password: 'password of audited', role: 'viewer' },
      { authorization: key.authorization },
    );
    const { id } = answer.body as { id: string };
    expect((await audit({ subject: id })).items).toEqual([
      {
        id: expect.any(Number),
        at: new Date(clock.now()).toISOString(),
        actorKind: 'api_key',
        actor: 'auditor',
        address: '127.0.0.1',
        requestId: answer.headers.get('x-request-id'),
        action: 'operator.created',
        subject: id,
        before: null,
        after: { username: 'audited', role: 'viewer' },
      },
    ]);
  });

  test('finds by actor, action, kind of subject and time', async () => {
    const operator = await addOperator(admin, 'finder', 'viewer');
    clock.advance(60_000);
    const from = new Date(clock.now()).toISOString();
    const finder = await logIn(stack, operator);
    clock.advance(60_000);
    await finder.call('DELETE', '/session');
    const to = new Date(clock.now()).toISOString();
    const actions = async (query: Readonly<Record<string, string>>) =>
      (await audit(query)).items.map(({ action }) => action);

    expect(await actions({ actor: 'finder' })).toEqual(['session.ended', 'session.created']);
    expect(await actions({ actor: 'finder', action: 'session.created' })).toEqual(['session.created']);
    expect(await actions({ actor: 'finder', from, to })).toEqual(['session.created']);
    expect(await actions({ actor: 'finder', from: to })).toEqual(['session.ended']);
    expect(await actions({ subject: operator.id, action: 'operator.' })).toEqual(['operator.created']);
    expect(await actions({ subject: operator.id, action: 'operator' })).toEqual([]);
    expect(await actions({ actor: 'nobody at all' })).toEqual([]);
    expect(await actions({ action: '%.' })).toEqual([]);
  });

  test('pages through all entries newest first, each once, even with equal times', async () => {
    await stack.sql`
      insert into audit_log (at, actor_kind, actor, action)
      select ${new Date(clock.now()).toISOString()}::timestamptz - (i / 10) * interval '1 second', 'system', 'paging', 'test.written'
      from generate_series(1, 45) as i`;
    const seen: number[] = [];
    const times: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const answer: z.output<typeof page> = await audit({
        actor: 'paging',
        limit: '7',
        ...(cursor && { cursor }),
      });
      seen.push(...answer.items.map(({ id }) => id));
      times.push(...answer.items.map(({ at }) => at));
      cursor = answer.next;
    }
    expect(new Set(seen).size).toBe(45);
    expect(seen).toHaveLength(45);
    expect(times).toEqual(times.toSorted().toReversed());
  });

  test.each(['from=yesterday', 'to=1', 'limit=1000', 'cursor=x', `actor=${'x'.repeat(200)}`])(
    'refuses ?%s',
    async (query) => {
      const problem = problemOf(await admin.call('GET', `/audit?${query}`));
      expect(problem).toMatchObject({ status: 400, errors: [{ field: query.split('=')[0] }] });
    },
  );

  test('is open to operators and API keys, including viewers', async () => {
    expect(problemOf(await call(stack, 'GET', '/audit')).status).toBe(401);
    const viewer = await addApiKey(admin, { name: 'reads the audit', role: 'viewer' });
    const { authorization } = viewer;
    expect((await call(stack, 'GET', '/audit', undefined, { authorization })).status).toBe(200);
  });
});

describe('GET /audit/export.csv', () => {
  async function exported(query: Readonly<Record<string, string>>) {
    const answer = await admin.call('GET', `/audit/export.csv?${new URLSearchParams(query)}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const records: string[][] = [];
    for await (const record of readCsv(answer.text)) {
      if (!('fields' in record)) throw new Error(record.message);
      records.push([...record.fields]);
    }
    return { heading: records[0], records: records.slice(1) };
  }

  test('has every entry of its filter once, newest first, across pages', async () => {
    await stack.sql`
      insert into audit_log (at, actor_kind, actor, action, subject, after)
      select ${new Date(clock.now()).toISOString()}::timestamptz - (i / 10) * interval '1 second', 'system', 'exporting',
        'test.written', '=1+1', jsonb_build_object('i', i)
      from generate_series(1, 2345) as i`;
    const { heading, records } = await exported({ actor: 'exporting', action: 'test.' });
    expect(heading?.join()).toBe('id,at,actor_kind,actor,address,request_id,action,subject,before,after');
    expect(new Set(records.map(([id]) => id)).size).toBe(2_345);
    expect(records).toHaveLength(2_345);
    const times = records.map(([, at]) => at);
    expect(times).toEqual(times.toSorted().toReversed());
    const first = records[0] ?? [];
    expect(first[7]).toBe("'=1+1");
    expect(JSON.parse(first[9] ?? '')).toEqual({ i: expect.any(Number) });
  });

  test('finds what the list finds', async () => {
    const { uuid } = await registerDevice(stack.url);
    const { items } = await audit({ subject: uuid });
    const { records } = await exported({ subject: uuid });
    expect(records.map(([id]) => Number(id))).toEqual(items.map(({ id }) => id));
    expect((await exported({ actor: 'nobody at all' })).records).toEqual([]);
  });

  test.each(['from=yesterday', 'limit=10', 'subjekt=x'])('refuses ?%s', async (query) => {
    expect(problemOf(await admin.call('GET', `/audit/export.csv?${query}`)).status).toBe(400);
  });

  test('requires credentials', async () => {
    expect(problemOf(await call(stack, 'GET', '/audit/export.csv')).status).toBe(401);
  });
});

describe('a refused credential', () => {
  async function entries(uuid: string): Promise<unknown[]> {
    const { items } = await audit({ subject: uuid, action: 'credential.refused' });
    return items.map(({ after, address, actorKind }) => ({ after, address, actorKind }));
  }

  /** Waits until what was added so far is written: a device that is refused last is written last. */
  async function written(): Promise<void> {
    const { uuid } = await registerDevice(stack.url);
    await callDevice(stack.url, tokenPath(uuid), 'a-wrong-credential');
    clock.advance(5_000);
    await until('the refusals are written', async () => (await entries(uuid)).length === 1);
  }

  test.each([
    ['a wrong one', 'a-wrong-credential', 'bad_credential'],
    ['that of another role', MASTER_SECRET, 'wrong_role'],
  ])('of a known device is recorded: %s', async (_, credential, reason) => {
    const { uuid } = await registerDevice(stack.url, 'agent');
    await callDevice(stack.url, tokenPath(uuid), credential);
    await written();
    expect(await entries(uuid)).toEqual([{ after: { reason }, address: '127.0.0.1', actorKind: 'device' }]);
  });

  test('of an older generation is recorded, on both routes', async () => {
    const [one, two] = [await registerDevice(stack.url), await registerDevice(stack.url)];
    await stack.sql`update devices set generation = 2 where id in (${one.uuid}, ${two.uuid})`;
    await callDevice(stack.url, '/mqtt', one.token);
    await callDevice(stack.url, tokenPath(two.uuid), two.token);
    await written();
    for (const { uuid } of [one, two]) {
      expect(await entries(uuid)).toMatchObject([{ after: { reason: 'superseded' } }]);
    }
  });

  test('is recorded once per device and hour, across instances', async () => {
    const { uuid } = await registerDevice(stack.url);
    const refuse = () => callDevice(stack.url, tokenPath(uuid), 'a-wrong-credential');
    for (let at = 0; at < 5; at++) await refuse();
    await written();
    clock.advance(1_800_000);
    await stack.startServer();
    admin = await logIn(stack);
    await refuse();
    await written();
    expect(await entries(uuid)).toHaveLength(1);
    clock.advance(3_600_000);
    await refuse();
    await written();
    expect(await entries(uuid)).toHaveLength(2);
  });

  test('of an unknown device, or a valid one of a revoked device, is not recorded', async () => {
    const unknown = randomUUID();
    await callDevice(stack.url, tokenPath(unknown), 'a-wrong-credential');
    const { uuid } = await registerDevice(stack.url);
    await stack.sql`update devices set state = 'revoked' where id = ${uuid}`;
    await callDevice(stack.url, tokenPath(uuid), AGENT_SECRET);
    await written();
    expect([...(await entries(unknown)), ...(await entries(uuid))]).toEqual([]);
  });

  test('is written at shutdown too', async () => {
    const { uuid } = await registerDevice(stack.url);
    await callDevice(stack.url, tokenPath(uuid), 'a-wrong-credential');
    await stack.startServer();
    expect(await entries(uuid)).toHaveLength(1);
  });
});

test('a new device is recorded with its role and state', async () => {
  const { uuid } = await registerDevice(stack.url, 'master');
  expect((await audit({ subject: uuid })).items).toMatchObject([
    { action: 'device.registered', actorKind: 'device', after: { role: 'master', state: 'active' } },
  ]);
});
