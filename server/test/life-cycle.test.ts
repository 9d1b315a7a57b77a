import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import postgres from 'postgres';
import { startChild } from './child.ts';
import { startRefusingDatabase } from './fake-postgres.ts';
import {
  AGENT_SECRET,
  callDevice,
  connectMqtt,
  inbox,
  JWT_SECRET,
  tokenPath,
  until,
  untilReady,
} from './harness.ts';
import { MAIN, type Surroundings, startSurroundings } from './server-child.ts';

let around: Surroundings;

beforeAll(async () => {
  around = await startSurroundings();
}, 60_000);
afterAll(() => around.close());

function run(env: Readonly<Record<string, string>>) {
  return startChild([process.execPath, '--no-env-file', MAIN], env);
}

describe('a start that cannot succeed', () => {
  test('without any variable names all that are missing, and nothing else', async () => {
    const child = run({});
    expect(await child.exited).toBe(1);
    const named = [...child.output().matchAll(/^ {2}- (\w+) is required$/gm)].map(([, name]) => name);
    expect(named.toSorted()).toEqual([
      'DATABASE_URL',
      'DEVICE_AGENT_SECRET_KEY',
      'DEVICE_MASTER_SECRET_KEY',
      'EMQX_API_URL',
      'JWT_SECRET',
      'MQTT_HOST',
      'MQTT_SECRET_KEY',
      'MQTT_URL',
    ]);
    expect(child.output().trimEnd().split('\n')).toHaveLength(1 + named.length);
  });

  test('with malformed variables names them without their values', async () => {
    const child = run({
      ...around.env,
      JWT_SECRET: 'too-short-secret',
      PORT: 'eighty',
      MQTT_URL: 'no-url-at-all',
    });
    expect(await child.exited).toBe(1);
    for (const name of ['JWT_SECRET', 'PORT', 'MQTT_URL']) expect(child.output()).toContain(`- ${name} must`);
    for (const value of ['too-short-secret', 'eighty', 'no-url-at-all'])
      expect(child.output()).not.toContain(value);
  });

  test.each(['PORT', 'METRICS_PORT'])(
    'on a port in use says so in a line that names the port and the variable: %s',
    async (name) => {
      const taken = Bun.listen({ hostname: '::', port: 0, socket: { data() {} } });
      const child = run({ ...around.env, [name]: String(taken.port) });
      expect(await child.exited).toBe(1);
      const [line = '', ...others] = child.output().trim().split('\n').toReversed();
      expect(others.filter((other) => !other.includes('"listening"'))).toEqual([]);
      expect(JSON.parse(line)).toMatchObject({ port: taken.port });
      expect(line).toContain(`in use: check ${name}"`);
      taken.stop();
    },
  );

  test.each([
    ['28P01', 'a wrong password'],
    ['3D000', 'no such database'],
    ['08P01', 'a pooler that does not take the session'],
    ['57014', 'a cancelled migration'],
  ])('on a database that answers %s, %s, ends with a message that names DATABASE_URL', async (code) => {
    const refusing = await startRefusingDatabase(code);
    const url = new URL(around.env.DATABASE_URL ?? '');
    url.port = String(refusing.port);
    for (const format of ['json', 'pretty']) {
      const child = run({ ...around.env, DATABASE_URL: url.href, LOG_FORMAT: format });
      expect(await child.exited).toBe(1);
      expect(child.output()).toContain('DATABASE_URL');
      expect(child.output()).toContain(code);
      expect(child.output()).not.toContain(around.databasePassword);
    }
    await refusing.close();
  });
});

test('a start that fails at a statement of the server says what the database said, not the statement', async () => {
  const { child, url } = await around.start();
  await untilReady(url);
  await child.end();
  const elsewhere = run({ ...around.env, DATABASE_URL: `${around.env.DATABASE_URL}?search_path=nowhere` });
  expect(await elsewhere.exited).toBe(1);
  const fatal =
    elsewhere
      .output()
      .split('\n')
      .find((line) => line.includes('"level":60')) ?? '';
  expect(fatal).toContain('DATABASE_URL: the database refuses the server (42P01): relation');
  expect(fatal).not.toMatch(/select|params/);
});

test('a server on the schema of a newer one says so', async () => {
  const sql = postgres(around.env.DATABASE_URL ?? '', { max: 1, onnotice: () => {} });
  const first = await around.start();
  await untilReady(first.url);
  await first.child.end();
  await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', ${Date.UTC(2100, 0)})`;
  const { child } = await around.start();
  await child.prints(/"level":40.*the schema is that of a newer server/);
  expect(child.output()).not.toContain('schema is up to date');
  await child.end();
  await sql`delete from drizzle.__drizzle_migrations where hash = 'newer'`;
  await sql.end();
});

describe('SIGTERM', () => {
  test('lets a running request finish, takes no new one, leaves the broker in order, and exits with 0', async () => {
    const { child, url } = await around.start();
    await untilReady(url);
    const exp = Math.floor(Date.now() / 1000) + 600;
    const claims = {
      sub: 'watcher',
      username: 'watcher',
      acl: [{ permission: 'allow', action: 'all', topic: '$SYS/#' }],
    };
    const password = await new SignJWT({ ...claims, exp })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(JWT_SECRET));
    const watcher = await connectMqtt(around.broker.mqttUrl, {
      clientId: 'watcher',
      username: 'watcher',
      password,
    });
    await watcher.subscribeAsync('$SYS/brokers/+/clients/server-child/disconnected', { qos: 1 });
    const events = inbox(watcher);

    around.proxy.stall();
    const uuid = randomUUID();
    const slow = callDevice(url, tokenPath(uuid), AGENT_SECRET);
    await until('the request waits for the database', () => around.proxy.held() > 0);
    child.signal('SIGTERM');
    await child.prints(/"stopping"/);
    await until('no new connection is taken', () =>
      fetch(`${url}/health/live`, { headers: { connection: 'close' } }).then(
        () => false,
        () => true,
      ),
    );
    await around.proxy.pass();
    expect(await slow).toMatchObject({ status: 200, u: `${uuid}.1` });
    // A stop that takes longer than 9.5 s ends with 1.
    expect(await child.exited).toBe(0);
    expect(JSON.parse((await events.next()).payload)).toMatchObject({
      clientid: 'server-child',
      reason: 'normal',
    });
    await watcher.endAsync();
  }, 30_000);

  test.each(['SIGTERM', 'SIGINT'] as const)('or SIGINT ends an idle server with 0: %s', async (signal) => {
    const { child, url } = await around.start();
    await untilReady(url);
    // A client that keeps its connection open does not keep the server.
    await fetch(`${url}/health/live`);
    child.signal(signal);
    expect(await child.exited).toBe(0);
    expect(child.output()).toContain('"stopped"');
    expect(child.output()).not.toContain('requests were cut off');
  });

  test('ends with 0 in time while neither database nor broker answers', async () => {
    around.proxy.stall();
    around.broker.failApi('hang');
    const { child } = await around.start({ MQTT_URL: `mqtt://127.0.0.1:${around.proxy.port}` });
    child.signal('SIGTERM');
    // A stop that takes longer than 9.5 s ends with 1.
    expect(await child.exited).toBe(0);
    around.broker.failApi(null);
    await around.proxy.pass();
  }, 20_000);
});
