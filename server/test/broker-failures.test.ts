import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { decodeJwt } from 'jose';
import {
  connectDevice,
  createTestDatabase,
  inbox,
  registerDevice,
  type Stack,
  startStack,
  type TestDatabase,
  until,
} from './harness.ts';
import { type LogLine, recordingLog, WARN } from './logs.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const DEBUG = 20;

let stack: Stack;
let database: TestDatabase;
const record = recordingLog({ debug: true });

async function readiness(): Promise<{ status: number; checks: Record<string, string> }> {
  const response = await fetch(`${stack.url}/health/ready`);
  const { checks } = (await response.json()) as { checks: Record<string, string> };
  return { status: response.status, checks };
}

/** A device gets a token, connects, and has its PING answered. */
async function expectPong(): Promise<void> {
  const device = await registerDevice(stack.url);
  const client = await connectDevice(stack.broker.mqttUrl, device);
  const received = inbox(client);
  const topic = `device/${device.uuid}/ping`;
  await client.subscribeAsync(topic, { qos: 1 });
  // Readiness may be that of a second ago: a PING that finds the server's session down is sent again.
  await until('a PING is answered', async () => {
    await client.publishAsync(topic, '{"c":"PING"}', { qos: 1 });
    return received.all.some(({ payload }) => payload === '{"c":"PONG"}');
  });
  await client.endAsync();
}

/**
 * Waits until a run has provisioned the broker since `start`: readiness may tell of the time before. A run that ends
 * then may have been one on the broker before; on an empty one it is the run that `found` something there.
 */
async function provisioned(start: number, found?: string): Promise<void> {
  await until('the broker is provisioned', () =>
    linesSince(start, '[Broker] broker reconciled').some(
      ({ differences }) => found === undefined || (Array.isArray(differences) && differences.includes(found)),
    ),
  );
  await stack.ready();
}

async function expectRecovery(action: () => unknown, found?: string): Promise<void> {
  const start = record.lines.length;
  await action();
  await provisioned(start, found);
  await expectPong();
}

/** The lines of a kind that came since `start`. */
function linesSince(start: number, text: string): LogLine[] {
  return record.lines.slice(start).filter(({ msg }) => msg.includes(text));
}

beforeAll(async () => {
  database = await createTestDatabase();
  stack = await startStack({ database, broker: false, log: record.log });
}, 60_000);
afterAll(async () => {
  await stack.close();
  await database.close();
});

describe('a broker that is down when the server starts', () => {
  test('does not affect tokens, and readiness names it', async () => {
    await registerDevice(stack.url);
    await until(
      'the first run has failed',
      async () => (await readiness()).checks.broker_api !== 'not provisioned yet',
    );
    const { status, checks } = await readiness();
    expect(status).toBe(503);
    expect(checks.database).toBe('ok');
    expect(checks.broker_api).toBe('The broker REST API is unreachable.');
    expect(checks.broker_mqtt).toBe('offline');
  });

  test('is logged once, not at every attempt', async () => {
    await until('several attempts were made', () => {
      const attempts = (text: string) => linesSince(0, text).length;
      return (
        attempts('[MQTT] connection failed') >= 4 && attempts('[Broker] broker provisioning failed') >= 3
      );
    });
    for (const text of ['[MQTT] connection failed', '[Broker] broker provisioning failed']) {
      const levels = linesSince(0, text).map(({ level }) => level);
      expect(levels[0]).toBe(WARN);
      // What is wrong may change while a run goes from part to part; each is told once.
      expect(levels.filter((level) => level > DEBUG).length).toBeLessThanOrEqual(2);
    }
  }, 20_000);

  test('is provisioned once it has started', async () => {
    await expectRecovery(() => stack.startBroker());
  }, 20_000);
});

describe('a broker that restarts empty', () => {
  test('is refilled, and denies clients without a token throughout', async () => {
    await expectRecovery(async () => {
      await stack.startBroker();
      const anonymous = await connectDevice(stack.broker.mqttUrl, {
        uuid: 'anonymous',
        role: 'agent',
        token: 'none',
        username: 'anonymous',
      }).then(
        () => 'admitted',
        () => 'refused',
      );
      expect(anonymous).toBe('refused');
    }, 'authenticator missing');
  }, 20_000);

  test('accepts the tokens that devices already have', async () => {
    const device = await registerDevice(stack.url);
    const start = record.lines.length;
    await stack.startBroker();
    await provisioned(start, 'authenticator missing');
    const client = await connectDevice(stack.broker.mqttUrl, device);
    await client.endAsync();
  }, 20_000);
});

describe('a REST API that', () => {
  test.each([
    ['answers 503', 503, /^The broker REST API answered 503\.$/],
    ['answers 500', 500, /^The broker REST API answered 500\.$/],
    ['answers 404 to everything', 404, /^The broker refused GET \/\w+: fault injected$/],
  ] as const)(
    '%s is named, and the broker is right after its end',
    async (_, fault, message) => {
      await stack.startBroker();
      stack.broker.failApi(fault);
      await until('readiness names it', async () =>
        message.test((await readiness()).checks.broker_api ?? ''),
      );
      expect((await readiness()).status).toBe(503);
      await expectRecovery(() => stack.broker.failApi(null));
    },
    40_000,
  );

  test('hangs times out, and the broker is reconciled after its recovery', async () => {
    await stack.startBroker();
    stack.broker.failApi('hang');
    await stack.startServer();
    await registerDevice(stack.url);
    expect((await readiness()).status).toBe(503);
    await expectRecovery(() => stack.broker.failApi(null));
  }, 40_000);

  test('refuses the key is reported with the names of the variables', async () => {
    const start = record.lines.length;
    await stack.startServer({ MQTT_SECRET_KEY: 'not-the-secret-of-the-key' });
    await until(
      'the first run has failed',
      async () => (await readiness()).checks.broker_api !== 'not provisioned yet',
    );
    const { status, checks } = await readiness();
    expect(status).toBe(503);
    expect(checks.broker_api).toMatch(/rejected the API key.*EMQX_API_KEY.*MQTT_SECRET_KEY/);
    expect(linesSince(start, '[Broker] broker provisioning failed')[0]?.level).toBe(WARN);
    await registerDevice(stack.url);
    await stack.startServer({ MQTT_SECRET_KEY: 'api-secret-0123456789' });
    await stack.ready();
  }, 20_000);
});

describe('the MQTT link', () => {
  let proxy: TcpProxy;
  const passwords: string[] = [];

  beforeAll(async () => {
    proxy = await startTcpProxy({
      target: () => stack.broker.serverPort,
      observe: () => (bytes) => {
        const token = /eyJ[\w-]+\.[\w-]+\.[\w-]+/.exec(bytes.toString('latin1'))?.[0];
        // The ingest session goes the same way.
        if (token !== undefined && decodeJwt(token).sub === 'server-test') passwords.push(token);
      },
    });
    await stack.startServer({ MQTT_URL: `mqtt://127.0.0.1:${proxy.port}` });
    await stack.ready();
  }, 20_000);
  afterAll(() => proxy.close());

  test('that is cut comes back with a new token and its subscriptions', async () => {
    expect(passwords).toHaveLength(1);
    await until('a second has passed, which tokens count in', () => {
      return Math.floor(Date.now() / 1000) > (decodeJwt(passwords[0] ?? '').iat ?? 0);
    });
    const start = record.lines.length;
    await expectRecovery(async () => {
      proxy.cut();
      await until('the server is back', () => linesSince(start, '[MQTT] connected').length > 0);
    });
    expect(passwords).toHaveLength(2);
    const [first, second] = passwords.map((token) => decodeJwt(token));
    expect(second?.iat).toBeGreaterThan(first?.iat ?? 0);
    expect(second).toMatchObject({ sub: 'server-test', username: 'server-test' });
  }, 20_000);

  test('that is refused for a while comes back', async () => {
    const start = record.lines.length;
    await proxy.refuse();
    await until(
      'several attempts were made',
      () => linesSince(start, '[MQTT] connection failed').length >= 4,
    );
    await until('readiness names it', async () => (await readiness()).checks.broker_mqtt === 'offline');
    await registerDevice(stack.url);
    await expectRecovery(() => proxy.pass());
  }, 30_000);

  test('that accepts and then hangs times out, and comes back', async () => {
    const start = record.lines.length;
    proxy.stall();
    proxy.cut();
    await until('an attempt was given up', () => linesSince(start, '[MQTT] connection failed').length >= 1);
    await expectRecovery(() => proxy.pass());
  }, 30_000);
});
