import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { resolve } from 'node:path';
import { z } from 'zod';
import { startChild } from './child.ts';
import { connectDevice, registerDevice, type Stack, startStack, until } from './harness.ts';
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
  });

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
