import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { decodeJwt, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import type { IClientOptions, MqttClient } from 'mqtt';
import { shiftedClock } from './clocks.ts';
import {
  callDevice,
  connectDevice,
  connectMqtt,
  inbox,
  JWT_SECRET,
  registerDevice,
  type Stack,
  startStack,
  type TestDevice,
  tokenPath,
  until,
} from './harness.ts';

const clock = shiftedClock();
let stack: Stack;
let device: TestDevice;
let other: TestDevice;
let client: MqttClient;
let witness: MqttClient;

beforeAll(async () => {
  stack = await startStack({ clock });
  device = await registerDevice(stack.url);
  other = await registerDevice(stack.url, 'master');
  client = await connectDevice(stack.broker.mqttUrl, device);
  witness = await connectDevice(stack.broker.mqttUrl, other);
}, 60_000);
afterAll(async () => {
  await client.endAsync();
  await witness.endAsync();
  await stack.close();
});

async function connackCode(options: IClientOptions): Promise<unknown> {
  try {
    await (await connectMqtt(stack.broker.mqttUrl, options)).endAsync();
    return 0;
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
}

function sign(claims: JWTPayload, secret = JWT_SECRET, alg = 'HS256'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(Buffer.from(secret));
}

function claimsOf({ uuid, username, role }: TestDevice, expiresInSeconds = 3_600): JWTPayload {
  const iat = Math.floor(clock.now() / 1000);
  return { sub: uuid, username, role, iat, exp: iat + expiresInSeconds };
}

describe('a device that writes its UUID in upper case', () => {
  test('gets a token whose sub, and so the client id, is lower case', async () => {
    const { uuid, token, username } = await registerDevice(stack.url);
    const answer = await callDevice(stack.url, tokenPath(uuid.toUpperCase()), token);
    expect(answer).toMatchObject({ status: 200, u: username });
    const login = { username, password: answer.t ?? '' };
    expect(await connackCode({ ...login, clientId: uuid.toUpperCase() })).toBe(4);
    expect(await connackCode({ ...login, clientId: uuid })).toBe(0);
  });
});

describe('the broker refuses', () => {
  const attempts: readonly (readonly [string, () => Promise<IClientOptions>])[] = [
    ['no credentials', async () => ({ clientId: device.uuid })],
    ['no password', async () => ({ clientId: device.uuid, username: device.username, password: '' })],
    [
      'a wrong client id',
      async () => ({ clientId: other.uuid, username: device.username, password: device.token }),
    ],
    [
      'a wrong user name',
      async () => ({ clientId: device.uuid, username: other.username, password: device.token }),
    ],
    [
      'the user name of another generation',
      async () => ({ clientId: device.uuid, username: `${device.uuid}.2`, password: device.token }),
    ],
    [
      'the token of another device',
      async () => ({ clientId: device.uuid, username: device.username, password: other.token }),
    ],
    [
      'a token without signature',
      async () => ({
        clientId: device.uuid,
        username: device.username,
        password: new UnsecuredJWT(claimsOf(device)).encode(),
      }),
    ],
    [
      'a token of a foreign key',
      async () => ({
        clientId: device.uuid,
        username: device.username,
        password: await sign(claimsOf(device), 'foreign-secret-foreign-secret-12'),
      }),
    ],
    [
      'an expired token',
      async () => ({
        clientId: device.uuid,
        username: device.username,
        password: await sign(claimsOf(device, -1)),
      }),
    ],
    [
      'the client id of the server with the token of a device',
      async () => ({ clientId: 'server-test', username: 'server-test', password: device.token }),
    ],
  ];

  test.each(attempts)('%s', async (_, options) => {
    expect([4, 5]).toContain((await connackCode(await options())) as number);
  });

  test('a device key or role secret as password', async () => {
    for (const password of ['agent-secret-0123456789', 'master-secret-0123456789']) {
      expect([4, 5]).toContain(
        (await connackCode({ clientId: device.uuid, username: device.username, password })) as number,
      );
    }
  });
});

test('a valid token is admitted', async () => {
  const { uuid, username, token } = await registerDevice(stack.url);
  expect(await connackCode({ clientId: uuid, username, password: token })).toBe(0);
});

/** Topics that are not the device's own, as filters or names. */
function foreignFilters(): string[] {
  const { uuid } = device;
  return [
    '#',
    '+',
    '/#',
    '+/#',
    '+/+/+',
    'device/#',
    'device/+/ping',
    '/device/+/ping',
    'device/+/master',
    `device/${uuid}/#`,
    `device/${uuid}/+`,
    `device/${uuid}`,
    `+/${uuid}/ping`,
    `device/${other.uuid}/ping`,
    `/device/${other.uuid}/ping`,
    `device/${other.uuid}/data`,
    `device/${other.uuid}/master`,
    `device/${other.uuid}/command`,
    `device/${other.uuid}/reply`,
    `/device/${uuid}/data`,
    `/device/${uuid}/master`,
    `//device/${uuid}/ping`,
    `device/${uuid}/ping/`,
    `device//${uuid}/ping`,
    `device/${uuid.toUpperCase()}/ping`,
    `device/${uuid}/reply`,
    '$SYS/#',
    '$SYS/brokers',
    '$SYS/brokers/+/clients/#',
    '$share/x/#',
    '$share/x/device/+/ping',
    `$share/x/device/${other.uuid}/ping`,
    '$share/server/device/+/ping',
    '$share/server//device/+/ping',
    '$queue/device/+/ping',
    `$exclusive/device/${other.uuid}/ping`,
  ];
}

describe('a device', () => {
  test('subscribes to its own topics', async () => {
    const own = ['ping', 'data', 'master', 'command'].map((leaf) => `device/${device.uuid}/${leaf}`);
    const grants = await client.subscribeAsync([...own, `/device/${device.uuid}/ping`], { qos: 1 });
    expect(grants.map(({ qos }) => qos)).toEqual([1, 1, 1, 1, 1]);
    await client.unsubscribeAsync([...own, `/device/${device.uuid}/ping`]);
  });

  test('cannot subscribe to anything else', async () => {
    for (const filter of foreignFilters()) {
      const granted = await client
        .subscribeAsync(filter, { qos: 1 })
        .then((grants) => grants.map(({ qos }) => qos))
        .catch(() => [128]);
      expect({ filter, granted }).toEqual({ filter, granted: [128] });
    }
    const heard = inbox(client);
    const topic = `device/${other.uuid}/ping`;
    await witness.subscribeAsync(topic, { qos: 1 });
    const answered = inbox(witness);
    await witness.publishAsync(topic, '{"c":"PING"}', { qos: 1 });
    await answered.next();
    const own = `device/${device.uuid}/ping`;
    await client.subscribeAsync(own, { qos: 1 });
    await client.publishAsync(own, '{"c":"PING"}', { qos: 1 });
    expect((await heard.next()).topic).toBe(own);
    expect(heard.all).toHaveLength(1);
    await client.unsubscribeAsync(own);
    await witness.unsubscribeAsync(topic);
  });

  test('cannot publish anything that another device or the server receives', async () => {
    const hears = ['ping', 'data', 'master', 'command'].map((leaf) => `device/${other.uuid}/${leaf}`);
    await witness.subscribeAsync([...hears, `/device/${other.uuid}/ping`], { qos: 1 });
    const heard = inbox(witness);
    const before = stack.services.messageCounts();
    const foreign = foreignFilters().filter((topic) => !/[#+]/.test(topic));
    for (const topic of [...foreign, `device/${device.uuid}/command`]) {
      await client.publishAsync(topic, '{"c":"PING"}', { qos: 1 });
    }
    // What comes through behind them shows that they would have been there.
    await witness.publishAsync(`device/${other.uuid}/data`, '{"last":true}', { qos: 1 });
    await witness.publishAsync(`device/${other.uuid}/ping`, '{"c":"PING"}', { qos: 1 });
    expect((await heard.next()).payload).toBe('{"c":"PONG"}');
    expect(heard.all).toHaveLength(1);
    const after = stack.services.messageCounts();
    expect((after['ping:answered'] ?? 0) - (before['ping:answered'] ?? 0)).toBe(1);
    await witness.unsubscribeAsync([...hears, `/device/${other.uuid}/ping`]);
  });

  test('cannot leave a will on the topic of another', async () => {
    const { uuid, username, token } = await registerDevice(stack.url);
    const topic = `device/${other.uuid}/master`;
    await witness.subscribeAsync(topic, { qos: 1 });
    const heard = inbox(witness);
    const will = { topic, payload: Buffer.from('{"will":true}'), qos: 1 as const, retain: true };
    const dying = await connectMqtt(stack.broker.mqttUrl, {
      clientId: uuid,
      username,
      password: token,
      will,
    });
    dying.stream.destroy();
    await until('the broker has noticed', async () => {
      const clients = await brokerApi(`/clients/${uuid}`);
      return clients.status === 404;
    });
    await witness.subscribeAsync(`device/${other.uuid}/ping`, { qos: 1 });
    await witness.publishAsync(`device/${other.uuid}/ping`, '{"c":"PING"}', { qos: 1 });
    expect((await heard.next()).payload).toBe('{"c":"PONG"}');
    await witness.unsubscribeAsync([topic, `device/${other.uuid}/ping`]);
  });
});

function brokerApi(path: string): Promise<Response> {
  const key = btoa(`${stack.env.EMQX_API_KEY}:${stack.env.MQTT_SECRET_KEY}`);
  return fetch(`${stack.broker.apiUrl}${path}`, { headers: { authorization: `Basic ${key}` } });
}

test('a token of an older generation is refused by the server, and a new one is for the new user name', async () => {
  const rotated = await registerDevice(stack.url);
  await stack.sql`update devices set generation = 2 where id = ${rotated.uuid}`;
  expect(await callDevice(stack.url, tokenPath(rotated.uuid), rotated.token)).toMatchObject({
    status: 401,
    r: 'superseded',
  });
  const fresh = await registerDevice(stack.url, 'agent', rotated.uuid);
  expect(fresh.username).toBe(`${rotated.uuid}.2`);
  const connected = await connectDevice(stack.broker.mqttUrl, fresh);
  await connected.endAsync();
});

test('the broker disconnects a device when its token expires', async () => {
  const uuid = randomUUID();
  const short = { uuid, role: 'agent', username: `${uuid}.1`, token: '' } as const;
  const password = await sign(claimsOf(short, 2));
  const connected = await connectMqtt(stack.broker.mqttUrl, {
    clientId: uuid,
    username: short.username,
    password,
  });
  await new Promise<void>((resolve) => connected.once('close', () => resolve()));
  expect(Math.round(Date.now() / 1000)).toBeGreaterThanOrEqual(decodeJwt(password).exp ?? 0);
  expect([4, 5]).toContain(
    (await connackCode({ clientId: uuid, username: short.username, password })) as number,
  );
});
