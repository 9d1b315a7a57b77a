import { beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { parse } from '@pushcorn/hocon-parser';
import { createBrokerSandbox } from './broker-sandbox.ts';

// Each test starts processes, which take their time on a busy machine.
setDefaultTimeout(60_000);

/** The file's settings by their full path, such as `listeners.tcp.default.bind`. */
let settings: Record<string, unknown>;

beforeAll(async () => {
  const text = await Bun.file(join(import.meta.dir, '../base.hocon')).text();
  settings = Object.fromEntries(flatten(await parse({ text, strict: true })));
});

function flatten(value: unknown, path = ''): [string, unknown][] {
  const isBranch = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  if (!isBranch) return [[path, value]];
  return Object.entries(value).flatMap(([key, child]) =>
    flatten(child, path === '' ? key : `${path}.${key}`),
  );
}

function under(prefix: string): Record<string, unknown> {
  const entries = Object.entries(settings).filter(([path]) => path.startsWith(`${prefix}.`));
  return Object.fromEntries(entries.map(([path, value]) => [path.slice(prefix.length + 1), value]));
}

test('a broker that nobody has provisioned refuses everyone', () => {
  expect(under('authentication')).toMatchObject({
    '0.mechanism': 'password_based',
    '0.backend': 'built_in_database',
    '0.user_id_type': 'username',
  });
  expect(Object.keys(under('authentication')).filter((path) => !path.startsWith('0.'))).toEqual([]);
  expect(under('authorization')).toMatchObject({ no_match: 'deny', sources: [] });
});

test('a refused publish does not cost the connection', () => {
  expect(settings['authorization.deny_action']).toBe('ignore');
});

test('the authorization cache holds the rules of a master with hundreds of agents', () => {
  expect(under('authorization.cache')).toEqual({ enable: true, max_size: 1024, ttl: '1m' });
});

test('devices are limited in packet size, connections and messages, with and without TLS', () => {
  expect(settings['mqtt.max_packet_size']).toBe('16KB');
  for (const listener of ['listeners.tcp.default', 'listeners.ssl.default']) {
    expect(under(listener)).toMatchObject({ messages_rate: '50/s', bytes_rate: '256KB/s' });
    expect(under(listener).max_conn_rate).toMatch(/^\d+\/s$/);
  }
});

test('nobody has a message delayed', () => {
  expect(settings['delayed.enable']).toBe(false);
});

test('nobody hears what he published himself', () => {
  expect(settings['mqtt.ignore_loop_deliver']).toBe(true);
  expect(settings['zones.server.mqtt.ignore_loop_deliver']).toBe(true);
});

test('the server has a listener and a zone of its own with room for what arrives while it is away', () => {
  expect(under('listeners.tcp.server')).toEqual({ bind: '0.0.0.0:1884', zone: 'server' });
  expect(under('zones.server.mqtt')).toMatchObject({ max_mqueue_len: 100_000, max_inflight: 2048 });
});

test('the listeners for devices keep the default zone, with its strict limits', () => {
  expect(settings['listeners.tcp.default.zone']).toBeUndefined();
  expect(settings['listeners.ssl.default.zone']).toBeUndefined();
});

test('the listeners for devices are closed at a boot, and WebSockets are off', () => {
  for (const kind of ['tcp', 'ssl', 'ws', 'wss']) {
    expect(settings[`listeners.${kind}.default.enable`]).toBe(false);
  }
  expect(settings['listeners.tcp.server.enable']).toBeUndefined();
});

test('what the server reads is delivered at QoS 1 at least, and its sessions survive a full queue', () => {
  expect(settings['zones.server.mqtt.upgrade_qos']).toBe(true);
  expect(settings['mqtt.upgrade_qos']).toBeUndefined();
  expect(under('zones.server.force_shutdown')).toEqual({ max_heap_size: '2GB', max_mailbox_size: 200_000 });
});

test('retained messages are stored at any rate and outlive a restart', () => {
  expect(settings['retainer.max_publish_rate']).toBe('infinity');
  expect(settings['retainer.backend.storage_type']).toBe('disc');
});

test('the broker tells when a client has subscribed', () => {
  expect(settings['sys_topics.sys_event_messages.client_subscribed']).toBe(true);
});

test('what the entrypoint hands over parses as HOCON, each value as it was meant', async () => {
  await using sandbox = createBrokerSandbox();
  sandbox.writeCertificate('tls.crt', 'tls.key');
  const { environment } = await sandbox.run({
    env: { MQTT_SECRET_KEY: 'aaaa//bbbb=cccc+', MQTT_ADMIN_PASSWORD: '0123//456789==' },
  });
  const names = Object.keys(environment).filter((name) => name.startsWith('EMQX_'));
  const values: Record<string, unknown> = {};
  // EMQX parses each variable this way, and takes the node's name as it is because it does not parse.
  for (const name of names.filter((name) => name !== 'EMQX_NODE__NAME')) {
    const parsed = await parse({ text: `value = ${environment[name]}`, strict: true });
    values[name] = Object.fromEntries(flatten(parsed)).value;
  }
  expect(values).toMatchObject({
    EMQX_DASHBOARD__DEFAULT_PASSWORD: '0123//456789==',
    EMQX_LISTENERS__TCP__DEFAULT__BIND: '[::]:1883',
    EMQX_LISTENERS__TCP__SERVER__BIND: '[::]:1884',
    EMQX_LISTENERS__SSL__DEFAULT__BIND: '[::]:8883',
    EMQX_LISTENERS__SSL__DEFAULT__SSL_OPTIONS__CERTFILE: join(sandbox.folder, 'certs/tls.crt'),
    EMQX_LISTENERS__SSL__DEFAULT__SSL_OPTIONS__KEYFILE: join(sandbox.folder, 'certs/tls.key'),
  });
  expect(names.toSorted()).toEqual(
    [
      'EMQX_API_KEY__BOOTSTRAP_FILE',
      'EMQX_DASHBOARD__DEFAULT_PASSWORD',
      'EMQX_DASHBOARD__LISTENERS__HTTP__INET6',
      'EMQX_LISTENERS__SSL__DEFAULT__BIND',
      'EMQX_LISTENERS__SSL__DEFAULT__ENABLE',
      'EMQX_LISTENERS__TCP__DEFAULT__ENABLE',
      'EMQX_LISTENERS__SSL__DEFAULT__SSL_OPTIONS__CERTFILE',
      'EMQX_LISTENERS__SSL__DEFAULT__SSL_OPTIONS__KEYFILE',
      'EMQX_LISTENERS__TCP__DEFAULT__BIND',
      'EMQX_LISTENERS__TCP__SERVER__BIND',
      'EMQX_NODE__COOKIE',
      'EMQX_NODE__NAME',
    ].toSorted(),
  );
});
