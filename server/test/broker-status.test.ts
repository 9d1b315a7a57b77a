import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { resolve } from 'node:path';
import { z } from 'zod';
import { type BrokerExamination, brokerCheckNames, brokerExamination } from '../contract/api/broker.ts';
import { describeExamination } from '../src/broker/describe-examination.ts';
import { desiredState } from '../src/broker/desired-state.ts';
import { createEmqx } from '../src/broker/emqx.ts';
import { examine, UNHURRIED_LIMIT_MS } from '../src/broker/examine.ts';
import { systemClock } from '../src/platform/clock.ts';
import { withDeadline } from '../src/platform/deadline.ts';
import { systemRandom } from '../src/platform/random.ts';
import { createPresenceCorrection } from '../src/presence/correction.ts';
import { startChild } from './child.ts';
import { manualClock } from './clocks.ts';
import { startRefusingDatabase } from './fake-postgres.ts';
import {
  connectDevice,
  createTestDatabase,
  JWT_SECRET,
  registerDevice,
  type Stack,
  startStack,
  until,
} from './harness.ts';
import { ADMIN_ENV, type Browser, logIn } from './operators.ts';

const DOCTOR = resolve(import.meta.dir, '../src/doctor.ts');

const brokerState = z.object({
  connection: z.string(),
  queuedChanges: z.number(),
  lastRun: z.object({
    state: z.string(),
    failure: z.string().nullable(),
    report: z
      .object({
        version: z.string(),
        differences: z.array(z.string()),
        devices: z.record(z.string(), z.number()),
        foreign: z.object({ sources: z.array(z.string()), clientRules: z.number(), bans: z.number() }),
        warnings: z.array(z.string()),
      })
      .nullable(),
  }),
  lastRepair: z.object({ report: z.object({ differences: z.array(z.string()) }) }).nullable(),
});

let stack: Stack;
let admin: Browser;

beforeAll(async () => {
  stack = await startStack({ env: ADMIN_ENV });
  admin = await logIn(stack);
}, 60_000);
afterAll(() => stack.close());

async function rest(method: string, path: string, body: unknown): Promise<void> {
  const { EMQX_API_URL, EMQX_API_KEY, MQTT_SECRET_KEY } = stack.env;
  const answer = await fetch(`${EMQX_API_URL}${path}`, {
    method,
    headers: {
      authorization: `Basic ${btoa(`${EMQX_API_KEY}:${MQTT_SECRET_KEY}`)}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBeLessThan(300);
}

const CLIENT_RULES = '/authorization/sources/built_in_database/rules/clients';
const openSettings = { no_match: 'allow', deny_action: 'ignore', cache: { enable: true } };

function doctor(env: Readonly<Record<string, string>> = {}) {
  return startChild([process.execPath, DOCTOR], { ...stack.env, ...env });
}

describe('GET /broker', () => {
  test('shows the last run, the version, and an empty queue', async () => {
    const { status, body } = await admin.call('GET', '/broker');
    expect(status).toBe(200);
    expect(brokerState.parse(body)).toMatchObject({
      connection: 'online',
      queuedChanges: 0,
      lastRun: { state: 'ok', failure: null, report: { version: '5.8.9', warnings: [] } },
    });
  });

  test('says why the last run failed, and counts the queued changes', async () => {
    const { uuid } = await registerDevice(stack.url);
    stack.broker.failApi(503);
    await admin.call('POST', `/devices/${uuid}/revoke`);
    const run = await admin.call('POST', '/broker/reconcile');
    expect(run).toMatchObject({ status: 503, body: { type: '/problems/unavailable' } });
    const state = brokerState.parse((await admin.call('GET', '/broker')).body);
    expect(state).toMatchObject({ queuedChanges: 1, lastRun: { state: 'failed' } });
    expect(state.lastRun.failure).toContain('503');
    stack.broker.failApi(null);
    await until('the change is applied', async () => {
      const now = brokerState.parse((await admin.call('GET', '/broker')).body);
      return now.queuedChanges === 0 && now.lastRun.state === 'ok';
    });
  }, 30_000);
});

describe('GET /broker/doctor', () => {
  const examine = async () => {
    const { status, body } = await admin.call('GET', '/broker/doctor');
    expect(status).toBe(200);
    return brokerExamination.strict().parse(body);
  };
  const statesOf = ({ checks }: BrokerExamination) =>
    Object.fromEntries(checks.map(({ name, state }) => [name, state]));

  test('finds nothing on a reconciled broker', async () => {
    const found = await examine();
    expect(found).toMatchObject({ ok: true, version: '5.8.9' });
    expect(found.checks.map(({ name }) => name)).toEqual([...brokerCheckNames]);
    for (const { state, found: lines, next } of found.checks) {
      expect({ state, lines, next }).toEqual({ state: 'ok', lines: [], next: null });
    }
  });

  test('says what differs and what to do, and changes nothing', async () => {
    const { uuid } = await registerDevice(stack.url);
    await rest('PUT', `${CLIENT_RULES}/${uuid}`, {
      clientid: uuid,
      rules: [{ topic: 'x', permission: 'allow', action: 'all' }],
    });
    for (let run = 0; run < 2; run++) {
      const found = await examine();
      expect(found.ok).toBe(false);
      expect(found.checks.filter(({ state }) => state !== 'ok')).toEqual([
        {
          name: 'devices',
          title: 'Rules, bans and sessions are those of the devices',
          state: 'failed',
          found: ['1 devices with rules that are no longer paired'],
          next: expect.stringContaining('Reconcile now.'),
        },
      ]);
    }
    await admin.call('POST', '/broker/reconcile');
    expect((await examine()).ok).toBe(true);
  }, 30_000);

  test('tells a REST API that fails from what could not be compared for it', async () => {
    stack.broker.failApi(503);
    const found = await examine();
    stack.broker.failApi(null);
    expect(statesOf(found)).toMatchObject({
      database: 'ok',
      broker_api: 'failed',
      mqtt: 'ok',
      settings: 'skipped',
      devices: 'skipped',
      warnings: 'skipped',
    });
    expect(found).toMatchObject({ ok: false, version: null, sessions: null, foreign: null });
    expect(found.checks.find(({ name }) => name === 'broker_api')).toMatchObject({
      found: ['The broker REST API answered 503.'],
      next: expect.stringContaining('EMQX_API_URL'),
    });
  }, 30_000);

  test('answers within 15 s where the broker takes connections and says nothing, once for all who ask', async () => {
    const mute = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    const other = await startStack({
      broker: false,
      env: {
        ...ADMIN_ENV,
        EMQX_API_URL: `http://127.0.0.1:${mute.port}/api/v5`,
        MQTT_URL: `mqtt://127.0.0.1:${mute.port}`,
      },
    });
    const browser = await logIn(other);
    const asked = Promise.all([browser.call('GET', '/broker/doctor'), browser.call('GET', '/broker/doctor')]);
    const [one, two] = await withDeadline(systemClock, 15_000, asked, 'the doctor');
    const found = brokerExamination.parse(one.body);
    expect(two.body).toEqual(one.body);
    expect(statesOf(found)).toMatchObject({ database: 'ok', broker_api: 'failed', mqtt: 'failed' });
    expect(found.checks.find(({ name }) => name === 'broker_api')?.found).toEqual([
      'Timed out waiting for the broker REST API.',
    ]);
    await other.close();
    mute.stop(true);
  }, 60_000);
});

describe('a comparison that takes longer than a browser waits', () => {
  /** Holds back an answer that the comparison needs while 14 s pass. */
  async function examineSlowly(limitMs: number | undefined) {
    const clock = manualClock(Date.now());
    const reached = Promise.withResolvers<void>();
    const passed = Promise.withResolvers<void>();
    const held = async (input: string | URL | Request, init?: RequestInit) => {
      if (String(input).includes(CLIENT_RULES)) {
        reached.resolve();
        await passed.promise;
      }
      return await fetch(input, init);
    };
    const { EMQX_API_URL = '', EMQX_API_KEY = '', MQTT_SECRET_KEY = '' } = stack.env;
    const { db } = stack.services;
    const examining = examine({
      db,
      clock,
      desired: desiredState(JWT_SECRET),
      connect: (signal) =>
        createEmqx({
          apiUrl: EMQX_API_URL,
          apiKey: EMQX_API_KEY,
          apiSecret: MQTT_SECRET_KEY,
          fetch: Object.assign(held, { preconnect: fetch.preconnect }),
          clock,
          random: systemRandom,
          signal,
        }),
      presence: () => createPresenceCorrection(db),
      tryMqtt: async () => undefined,
      ...(limitMs === undefined ? {} : { limitMs }),
    });
    await reached.promise;
    clock.advance(14_000);
    passed.resolve();
    return describeExamination(await examining);
  }

  test('fails in a browser, and says what has more time', async () => {
    const { ok, checks } = await examineSlowly(undefined);
    expect(ok).toBe(false);
    expect(checks.find(({ name }) => name === 'devices')?.found.join()).toContain('`bun run doctor`');
  });

  test('is finished in a shell', async () => {
    expect(await examineSlowly(UNHURRIED_LIMIT_MS)).toMatchObject({ ok: true, version: '5.8.9' });
  });
});

describe('POST /broker/reconcile', () => {
  test('fixes and reports differences; foreign objects are counted and kept', async () => {
    await rest('PUT', '/authorization/settings', openSettings);
    await rest('PUT', `${CLIENT_RULES}/someone-else`, {
      clientid: 'someone-else',
      rules: [{ topic: 'x', permission: 'allow', action: 'all' }],
    });
    const found = brokerState.parse((await admin.call('POST', '/broker/reconcile')).body).lastRun.report;
    expect(found?.differences).toHaveLength(1);
    expect(found?.foreign.clientRules).toBe(1);
    const again = brokerState.parse((await admin.call('POST', '/broker/reconcile')).body).lastRun.report;
    expect(again?.differences).toEqual([]);
    expect(again?.foreign.clientRules).toBe(1);
    const { lastRepair } = brokerState.parse((await admin.call('GET', '/broker')).body);
    expect(lastRepair?.report.differences).toEqual(found?.differences ?? []);
  });

  test('is recorded in the audit log', async () => {
    await admin.call('POST', '/broker/reconcile');
    const [entry] = await stack.sql`
      select actor, after from audit_log where action = 'broker.reconciled' order by id desc limit 1`;
    expect(entry).toMatchObject({ actor: 'admin', after: { state: 'ok' } });
  });
});

describe('bun run doctor', () => {
  test.each([
    ['28P01', 'the user or password is refused'],
    ['3D000', 'refused for the test'],
  ])(
    'says in one line that the database refuses it: %s',
    async (code, reason) => {
      const refusing = await startRefusingDatabase(code);
      const child = doctor({ DATABASE_URL: `postgres://user:secret@127.0.0.1:${refusing.port}/none` });
      expect(await child.exited).toBe(1);
      await refusing.close();
      expect(child.output().trim().split('\n')).toHaveLength(1);
      expect(child.output()).toContain('DATABASE_URL: ');
      expect(child.output()).toContain(reason);
      expect(child.output()).not.toContain('secret');
    },
    20_000,
  );

  test('says in one line that a database is not that of the server', async () => {
    const empty = await createTestDatabase();
    const child = doctor({ DATABASE_URL: empty.url });
    expect(await child.exited).toBe(1);
    await empty.close();
    expect(child.output().trim().split('\n')).toHaveLength(1);
    expect(child.output()).toContain('DATABASE_URL: the database has no tables of this server');
  }, 20_000);

  test.each(['DATABASE_URL', 'MQTT_URL', 'EMQX_API_URL'])(
    'ends by itself on a port that takes connections and says nothing: %s',
    async (name) => {
      const mute = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
      const url = new URL(stack.env[name] ?? '');
      url.hostname = '127.0.0.1';
      url.port = String(mute.port);
      const child = doctor({ [name]: url.href });
      expect(await child.exited).toBe(1);
      mute.stop(true);
    },
    30_000,
  );

  test('reports no difference on a reconciled broker', async () => {
    const client = await connectDevice(stack.broker.mqttUrl, await registerDevice(stack.url));
    const child = doctor();
    expect(await child.exited).toBe(0);
    expect(child.output()).toContain('EMQX 5.8.9, 1 sessions of devices');
    await client.endAsync();
  });

  test('reports differences, exits with 1, and changes nothing', async () => {
    // Not a setting: the server fixes those within seconds.
    const { uuid } = await registerDevice(stack.url);
    await rest('PUT', `${CLIENT_RULES}/${uuid}`, {
      clientid: uuid,
      rules: [{ topic: 'x', permission: 'allow', action: 'all' }],
    });
    for (let run = 0; run < 2; run++) {
      const child = doctor();
      expect(await child.exited).toBe(1);
      expect(child.output()).toContain('1 devices with rules that are no longer paired');
    }
    await admin.call('POST', '/broker/reconcile');
    expect(await doctor().exited).toBe(0);
  }, 30_000);

  test.each([
    ['a refused API key', { MQTT_SECRET_KEY: 'another-secret-0123456789' }, 'MQTT_SECRET_KEY'],
    ['a broker that is not there', { EMQX_API_URL: 'http://127.0.0.1:9/api/v5' }, 'is unreachable'],
    [
      'a database that is not there',
      { DATABASE_URL: 'postgres://x:x@127.0.0.1:9/x' },
      'database cannot be reached',
    ],
    ['an MQTT listener that is not there', { MQTT_URL: 'mqtt://127.0.0.1:9' }, 'MQTT_URL'],
    ['another JWT secret', { JWT_SECRET: 'x'.repeat(32) }, 'MQTT_URL refuses'],
    ['a missing variable', { JWT_SECRET: '' }, 'JWT_SECRET is required'],
  ])('reports what is wrong with %s, and exits with 1', async (_, env, text) => {
    const child = doctor(env);
    expect(await child.exited).toBe(1);
    expect(child.output()).toContain(text);
    expect(child.output()).not.toContain('another-secret-0123456789');
  });
});
