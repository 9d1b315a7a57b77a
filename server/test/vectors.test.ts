import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { manualClock } from './clocks.ts';
import { callDevice, registerDevice, type Stack, startStack, tokenPath } from './harness.ts';
import { isOlderGeneration, vectors } from './vectors.ts';

/** Its UTF-8 form has the bytes 0x85 and 0xA0, which are blanks in Latin-1. */
const AGENT_SECRET = 'à-schlüssel-mit-Åmlaut-à';

const clock = manualClock(vectors.now * 1000);
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    broker: false,
    clock,
    env: {
      JWT_SECRET: vectors.jwt_secret,
      DEVICE_AGENT_SECRET_KEY: AGENT_SECRET,
      RATE_LIMIT_DEVICE: '1000',
      RATE_LIMIT_FAILED: '1000',
    },
  });
  await stack.sql`insert into devices (id, role, state, created_at) values (${vectors.uuid}, 'agent', 'active', now())`;
}, 60_000);
afterAll(() => stack.close());

describe('a token vector', () => {
  test.each(vectors.tokens)('is answered over HTTP as the contract says: $name', async (vector) => {
    const generation = isOlderGeneration(vector) ? 2 : 1;
    await stack.sql`update devices set generation = ${generation} where id = ${vectors.uuid}`;
    const expected =
      vector.http === 'ok' ? { status: 200, c: 'OK' } : { status: 401, c: 'FORBIDDEN', r: vector.http };
    for (const path of [tokenPath(vectors.uuid), '/mqtt']) {
      expect(await callDevice(stack.url, path, vector.token)).toMatchObject(expected);
    }
  });
});

/** Sends a request whose Authorization header is these very bytes, and reads the status line. */
async function rawStatus(path: string, authorization: Buffer): Promise<string> {
  const { hostname, port } = new URL(stack.url);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host: hostname, port: Number(port) }, () => {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer `);
    socket.write(authorization);
    socket.write('\r\n\r\n');
  });
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  socket.on('error', reject);
  socket.on('close', () => resolve(text.split('\r\n')[0] ?? ''));
  return promise;
}

describe('a role secret beyond ASCII', () => {
  test('is taken as UTF-8, as firmware sends it', async () => {
    expect(await rawStatus(tokenPath(randomUUID()), Buffer.from(AGENT_SECRET, 'utf8'))).toContain(' 200 ');
  });

  test('is taken as Latin-1, as fetch sends it', async () => {
    expect(await rawStatus(tokenPath(randomUUID()), Buffer.from(AGENT_SECRET, 'latin1'))).toContain(' 200 ');
    expect(await callDevice(stack.url, tokenPath(randomUUID()), AGENT_SECRET)).toMatchObject({ status: 200 });
  });

  test('is not taken with a byte changed, in either form', async () => {
    for (const encoding of ['utf8', 'latin1'] as const) {
      const bytes = Buffer.from(AGENT_SECRET, encoding);
      bytes[bytes.length - 1] = 0x9f;
      expect(await rawStatus(tokenPath(randomUUID()), bytes)).toContain(' 401 ');
    }
  });
});

describe('a device key vector', () => {
  test.each(vectors.device_keys.filter(({ role_secret }) => role_secret.startsWith('master')))(
    'opens its UUID with its number: $uuid $key_number',
    async ({ uuid, key_number, key }) => {
      await stack.sql`delete from devices where id = ${uuid}`;
      await stack.sql`insert into devices (id, role, state, key_number, created_at)
        values (${uuid}, 'master', 'active', ${key_number}, now())`;
      expect(await callDevice(stack.url, tokenPath(uuid), key)).toMatchObject({ status: 200, c: 'OK' });
      expect(await callDevice(stack.url, tokenPath(randomUUID()), key)).toMatchObject({ status: 401 });
      await stack.sql`update devices set key_number = ${key_number + 1} where id = ${uuid}`;
      expect(await callDevice(stack.url, tokenPath(uuid), key)).toMatchObject({
        status: 401,
        r: 'superseded',
      });
    },
  );

  test.each(vectors.device_keys.filter(({ role_secret }) => role_secret.startsWith('schl')))(
    'of a secret beyond ASCII opens its UUID: $uuid',
    async ({ role_secret, uuid, key }) => {
      await stack.startServer({ DEVICE_AGENT_SECRET_KEY: role_secret });
      await stack.sql`delete from devices where id = ${uuid}`;
      expect(await callDevice(stack.url, tokenPath(uuid), key)).toMatchObject({ status: 200, c: 'OK' });
      await stack.startServer({ DEVICE_AGENT_SECRET_KEY: AGENT_SECRET });
    },
  );
});

test('a token is refused by a server with another secret', async () => {
  const { token } = await registerDevice(stack.url, 'master');
  await stack.startServer({ JWT_SECRET: 'another-secret-another-secret-123' });
  expect(await callDevice(stack.url, '/mqtt', token)).toMatchObject({ status: 401, r: 'bad_credential' });
  await stack.startServer({ JWT_SECRET: vectors.jwt_secret });
});
