import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { deviceKey } from '../src/platform/secrets.ts';
import {
  AGENT_SECRET,
  callDevice,
  JWT_SECRET,
  MASTER_SECRET,
  tokenPath,
  until,
  untilReady,
} from './harness.ts';
import { API_SECRET, type Surroundings, startSurroundings } from './server-child.ts';

const WRONG = 'a-guessed-secret-0123456789';

let around: Surroundings;

beforeAll(async () => {
  around = await startSurroundings();
}, 60_000);
afterAll(() => around.close());

/** Makes a server meet every kind of request and failure; returns what it printed and the credentials used. */
async function eventfulLife(format: 'json' | 'pretty'): Promise<{ output: string; credentials: string[] }> {
  const { child, url } = await around.start({ DEBUG: 'true', LOG_FORMAT: format });
  await untilReady(url);
  const uuid = randomUUID();
  const key = deviceKey(MASTER_SECRET, uuid);
  const { t: token = '' } = await callDevice(url, tokenPath(uuid), key);
  for (const credential of [AGENT_SECRET, key, token, WRONG, `${token}x`, `${token.slice(0, -20)}AAAA`]) {
    await callDevice(url, tokenPath(uuid), credential);
    await callDevice(url, `${tokenPath(uuid)}&token=${credential}&secret=${credential}`, credential);
    await callDevice(url, '/mqtt', credential);
    await callDevice(url, '/nowhere', credential, { cookie: `session=${credential}` });
  }
  around.broker.dropConnections();
  around.broker.failApi(503);
  around.proxy.cut();
  await child.prints(/disconnected from the broker/);
  await until('the server is back', async () => {
    around.broker.failApi(null);
    return (await fetch(`${url}/health/ready`)).ok;
  });
  await around.proxy.refuse();
  await callDevice(url, tokenPath(randomUUID()), AGENT_SECRET);
  await around.proxy.pass();
  child.signal('SIGTERM');
  const exitCode = await child.exited;
  expect({ exitCode, end: exitCode === 0 ? '' : child.output().slice(-2_000) }).toEqual({
    exitCode: 0,
    end: '',
  });
  return { output: child.output(), credentials: [key, token, ...token.split('.').slice(1), WRONG] };
}

describe.each(['json', 'pretty'] as const)('the log in the form %s', (format) => {
  let life: Awaited<ReturnType<typeof eventfulLife>>;
  beforeAll(async () => {
    life = await eventfulLife(format);
  }, 30_000);

  test('has no secret, token or password in it, at debug level', () => {
    expect(life.output).toContain('request');
    const secrets = [JWT_SECRET, MASTER_SECRET, AGENT_SECRET, API_SECRET, around.databasePassword];
    const basic = btoa(`simple-iot-server:${API_SECRET}`);
    for (const secret of [...secrets, ...life.credentials, basic]) {
      expect(secret.length).toBeGreaterThan(10);
      expect(life.output.includes(secret)).toBe(false);
    }
    expect(life.output).not.toMatch(/bearer |basic /i);
    expect(life.output).not.toMatch(/eyJ[A-Za-z0-9_-]{10}/);
  });

  test('marks lines with the feature they come from', () => {
    for (const feature of ['Auth', 'Broker', 'MQTT', 'HTTP', 'Database'])
      expect(life.output).toContain(`[${feature}] `);
  });
});

const requestLine = z.object({
  level: z.literal(30),
  time: z.iso.datetime(),
  requestId: z.string().regex(/^[\w-]{12}$/),
  method: z.string(),
  path: z.string().regex(/^\/[^?]*$/),
  status: z.number(),
  ms: z.number(),
  ip: z.string(),
  msg: z.literal('[HTTP] request'),
});

test('each request but probes has one JSON line with the id that its answer carries', async () => {
  const { child, url } = await around.start();
  await child.prints(/migrations applied|schema is up to date/);
  const paths = [tokenPath(randomUUID()), '/mqtt', '/nowhere', '/auth/devices/request?uuid=x'];
  const answers = await Promise.all(paths.map((path) => fetch(`${url}${path}`)));
  await fetch(`${url}/mqtt`, { method: 'POST' });
  await fetch(`${url}/health/live`);
  child.signal('SIGTERM');
  expect(await child.exited).toBe(0);
  const lines = child
    .output()
    .trim()
    .split('\n')
    .map((line) => z.looseObject({ msg: z.string() }).parse(JSON.parse(line)));
  const requests = lines
    .filter(({ msg }) => msg.includes('[HTTP] request'))
    .map((line) => requestLine.parse(line));
  expect(requests).toHaveLength(paths.length + 1);
  for (const [index, answer] of answers.entries()) {
    const own = requests.filter(({ requestId }) => requestId === answer.headers.get('x-request-id'));
    expect(own).toMatchObject([
      { method: 'GET', path: paths[index]?.split('?')[0] ?? '', status: answer.status },
    ]);
  }
}, 20_000);
