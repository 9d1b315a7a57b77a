import { describe, expect, test } from 'bun:test';
import { type Config, ConfigError, loadConfig, variableNames } from './config.ts';

const GOOD: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://user:pass@db.internal:5432/iot',
  JWT_SECRET: '0123456789abcdef0123456789abcdef',
  DEVICE_MASTER_SECRET_KEY: 'master-secret-01',
  DEVICE_AGENT_SECRET_KEY: 'agent-secret-012',
  MQTT_URL: 'mqtt://broker.internal:1884',
  MQTT_HOST: 'mqtt.example.net:1883',
  EMQX_API_URL: 'http://broker.internal:18083/api/v5',
  MQTT_SECRET_KEY: 'api-secret',
};

/** Neither of each two is of use without the other. */
const SMTP = { SMTP_URL: 'smtp://mail.internal', SMTP_FROM: 'alerts@iot.example' };
const ADMIN = { ADMIN_USERNAME: 'admin', ADMIN_PASSWORD: 'correct horse battery' };

function load(changes: Readonly<Record<string, string | undefined>> = {}): Config {
  return loadConfig({ ...GOOD, ...changes }, 'host-1');
}

function faultsOf(changes: Readonly<Record<string, string | undefined>>): readonly string[] {
  try {
    load(changes);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test('the required variables are enough, and the rest has the documented defaults', () => {
  expect(load()).toMatchObject({
    port: 3000,
    instanceId: 'host-1',
    mqttTlsHost: undefined,
    enrollment: 'open',
    deviceCredentials: 'shared',
    tokenTtlSeconds: 1_209_600,
    trustProxyHops: 0,
    debug: false,
    logFormat: 'pretty',
    rateLimits: { device: 30, failed: 60, address: 12_000, registrations: 1_000 },
  });
});

test('the first administrator has a name in lower case; without the settings there is none', () => {
  expect(load({ ADMIN_USERNAME: 'Admin', ADMIN_PASSWORD: 'long enough, this' }).firstAdmin).toEqual({
    username: 'admin',
    password: 'long enough, this',
  });
  expect(load().firstAdmin).toBeUndefined();
});

test('every required variable is reported when it is missing, all of them at once', () => {
  const missing = Object.keys(GOOD);
  const faults = faultsOf(Object.fromEntries(missing.map((name) => [name, undefined])));
  expect(faults.toSorted()).toEqual(missing.map((name) => `${name} is required`).toSorted());
});

test('a variable set to nothing counts as not set', () => {
  const empty = Object.fromEntries(variableNames.filter((name) => !(name in GOOD)).map((name) => [name, '']));
  expect(load(empty)).toEqual(load());
  expect(faultsOf({ JWT_SECRET: '' })).toEqual(['JWT_SECRET is required']);
});

test('variables that mean nothing to the server are left alone', () => {
  expect(load({ PATH: '/bin', HOME: '/', TOKEN_TTL_X: 'x' })).toEqual(load());
});

describe('good values', () => {
  test.each<[string, string, (config: Config) => unknown, unknown]>([
    ['PORT', '0', (c) => c.port, 0],
    ['PORT', '65535', (c) => c.port, 65_535],
    ['DATABASE_URL', 'postgresql://db/x', (c) => c.databaseUrl, 'postgresql://db/x'],
    ['JWT_SECRET', 'ü'.repeat(16), (c) => c.jwtSecret, 'ü'.repeat(16)],
    ['DEVICE_MASTER_SECRET_KEY', 'ü'.repeat(16), (c) => c.roleSecrets.master, 'ü'.repeat(16)],
    ['MQTT_URL', 'mqtts://broker:8883', (c) => c.mqttUrl, 'mqtts://broker:8883'],
    ['MQTT_HOST', '[2001:db8::1]:1883', (c) => c.mqttHost, '[2001:db8::1]:1883'],
    ['MQTT_HOST', '192.0.2.1:1', (c) => c.mqttHost, '192.0.2.1:1'],
    ['MQTT_TLS_HOST', 'tls.example.net:8883', (c) => c.mqttTlsHost, 'tls.example.net:8883'],
    ['EMQX_API_URL', 'https://e:18083/api/v5/', (c) => c.emqx.apiUrl, 'https://e:18083/api/v5'],
    ['ENROLLMENT', 'approval', (c) => c.enrollment, 'approval'],
    ['ENROLLMENT', 'closed', (c) => c.enrollment, 'closed'],
    ['DEVICE_CREDENTIALS', 'derived', (c) => c.deviceCredentials, 'derived'],
    ['TOKEN_TTL', '60', (c) => c.tokenTtlSeconds, 60],
    ['TOKEN_TTL', '90s', (c) => c.tokenTtlSeconds, 90],
    ['TOKEN_TTL', '15m', (c) => c.tokenTtlSeconds, 900],
    ['TOKEN_TTL', '12h', (c) => c.tokenTtlSeconds, 43_200],
    ['TOKEN_TTL', '366d', (c) => c.tokenTtlSeconds, 31_622_400],
    ['TELEMETRY_RETENTION', '1d', (c) => c.retention.telemetrySeconds, 86_400],
    ['ROLLUP_RETENTION', '3660d', (c) => c.retention.rollupSeconds, 316_224_000],
    ['AUDIT_RETENTION', '30d', (c) => c.retention.auditSeconds, 2_592_000],
    ['TRUST_PROXY_HOPS', '2', (c) => c.trustProxyHops, 2],
    ['INSTANCE_ID', 'a.b-c_1', (c) => c.instanceId, 'a.b-c_1'],
    ['DEBUG', 'true', (c) => c.debug, true],
    ['DEBUG', '0', (c) => c.debug, false],
    ['LOG_FORMAT', 'json', (c) => c.logFormat, 'json'],
    ['RATE_LIMIT_DEVICE', '1', (c) => c.rateLimits.device, 1],
    ['RATE_LIMIT_FAILED', '2', (c) => c.rateLimits.failed, 2],
    ['RATE_LIMIT_ADDRESS', '3', (c) => c.rateLimits.address, 3],
    ['REGISTRATIONS_PER_HOUR', '4', (c) => c.rateLimits.registrations, 4],
    ['EMQX_API_KEY', 'other-key', (c) => c.emqx.apiKey, 'other-key'],
    ['METRICS_PORT', '9100', (c) => c.metricsPort, 9_100],
    ['METRICS_TOKEN', '0123456789abcdef', (c) => c.metricsToken, '0123456789abcdef'],
  ])('%s=%s', (name, value, read, expected) => {
    expect(read(load({ [name]: value }))).toEqual(expected);
  });
});

describe('bad values', () => {
  const bad: readonly (readonly [string, ...string[]])[] = [
    ['PORT', 'http', '-1', '65536', '3000 ', '0x50', '1e3', '3000.5'],
    ['DATABASE_URL', 'mysql://db/x', 'db:5432/x', 'postgres://', 'not-a-url-at-all'],
    ['JWT_SECRET', 'x'.repeat(31)],
    ['DEVICE_MASTER_SECRET_KEY', 'x'.repeat(15), 'with blanks in between', 'line-break-\n-0123456789'],
    ['DEVICE_AGENT_SECRET_KEY', 'x'.repeat(15), 'no-break-\u00a0-0123456789', 'delete-\u007f-0123456789'],
    ['MQTT_URL', 'http://broker:1883', 'broker:1883', 'mqtt://', 'mqtt://user:password@broker:1884'],
    [
      'MQTT_HOST',
      'broker',
      'broker:0',
      'broker:65536',
      'mqtt://broker:1883',
      '::1:1883',
      'a b:1883',
      ':1883',
    ],
    ['MQTT_TLS_HOST', 'broker', 'broker:x', '[::1]'],
    [
      'EMQX_API_URL',
      'broker:18083',
      'ftp://broker/api/v5',
      'http://broker:18083',
      'http://broker:18083/api/v5?a=b',
      'http://broker:18083/api/v5#a',
      'http://key:secret@broker:18083/api/v5',
    ],
    ['EMQX_API_KEY', 'a:b', 'a b', 'schlüssel'],
    ['ADMIN_USERNAME', 'x y', '-', 'schlüssel', 'x'.repeat(200)],
    ['ADMIN_PASSWORD', 'short', 'x'.repeat(2_000)],
    ['ENROLLMENT', 'Open', 'none'],
    ['DEVICE_CREDENTIALS', 'both'],
    ['TOKEN_TTL', '14 d', '2w', '59', '367d', '-1', '1.5h', 'd'],
    ['TELEMETRY_RETENTION', '23h', '3661d', '90 days', '0'],
    ['ROLLUP_RETENTION', '23h', '3661d', '5y'],
    ['AUDIT_RETENTION', '29d', '3661d', 'forever'],
    ['TRUST_PROXY_HOPS', '-1', '11', 'true'],
    ['INSTANCE_ID', 'a/b', 'a b', '+', '#', 'ingest', 'x'.repeat(65)],
    ['DEBUG', 'yes', 'TRUE', '2'],
    ['LOG_FORMAT', 'text'],
    ['RATE_LIMIT_DEVICE', '0', 'x'],
    ['RATE_LIMIT_FAILED', '0', '1e9'],
    ['RATE_LIMIT_ADDRESS', '0', '-5'],
    ['REGISTRATIONS_PER_HOUR', '0', ' '],
    ['METRICS_PORT', 'http', '65536', '-1'],
    ['METRICS_TOKEN', 'with blanks in between', 'too-short'],
    ['SMTP_URL', 'mail.example', 'http://mail.example', 'smtp://'],
    ['SMTP_FROM', 'nobody', 'A <b>', 'a@b\nBcc: c@d', 'a b@c'],
    ['ALERT_PRIVATE_ADDRESSES', 'yes', '10.0.0.0/8'],
  ];

  test.each(bad.flatMap(([name, ...values]) => values.map((value) => [name, value] as const)))(
    '%s=%j is reported by name and not by value',
    (name, value) => {
      const faults = faultsOf({ ...ADMIN, ...SMTP, [name]: value });
      expect(faults).toHaveLength(1);
      expect(faults[0]).toStartWith(`${name} must `);
      if (!value.endsWith('://') && value.length > 3) expect(faults[0]).not.toContain(value);
    },
  );

  test('every variable that can be wrong is among them', () => {
    const free = ['MQTT_SECRET_KEY', 'MQTT_ADMIN_PASSWORD'];
    expect([...bad.map(([name]) => name), ...free].toSorted()).toEqual(variableNames.toSorted());
  });

  test('the user name is no password', () => {
    expect(faultsOf({ ADMIN_USERNAME: 'administrator', ADMIN_PASSWORD: 'Administrator' })).toEqual([
      'ADMIN_PASSWORD must not be ADMIN_USERNAME',
    ]);
  });

  test('faults of all variables are reported together, equal role secrets included', () => {
    const same = 'the-same-secret-for-both';
    const faults = faultsOf({
      PORT: 'x',
      JWT_SECRET: 'short',
      MQTT_HOST: undefined,
      DEVICE_MASTER_SECRET_KEY: same,
      DEVICE_AGENT_SECRET_KEY: same,
    });
    expect(faults.map((fault) => fault.split(' ')[0]).toSorted()).toEqual([
      'DEVICE_AGENT_SECRET_KEY',
      'JWT_SECRET',
      'MQTT_HOST',
      'PORT',
    ]);
    expect(faults.join()).not.toContain(same);
  });

  test('a first administrator without password, or the other way round, is a fault among the others', () => {
    const { ADMIN_USERNAME, ADMIN_PASSWORD } = ADMIN;
    expect(load(ADMIN).firstAdmin).toEqual({ username: ADMIN_USERNAME, password: ADMIN_PASSWORD });
    const names = (changes: Record<string, string>) => faultsOf(changes).map((fault) => fault.split(' ')[0]);
    expect(names({ ADMIN_USERNAME, PORT: 'x' }).toSorted()).toEqual(['ADMIN_PASSWORD', 'PORT']);
    expect(names({ ADMIN_PASSWORD, PORT: 'x' }).toSorted()).toEqual(['ADMIN_USERNAME', 'PORT']);
  });

  test('the message of the error lists the faults, one a line', () => {
    expect(() => load({ PORT: 'x', DEBUG: 'x' })).toThrow(/\n {2}- PORT must be .*\n {2}- DEBUG must be /);
  });
});

test('a host name that cannot name the instance is a fault of INSTANCE_ID', () => {
  expect(() => loadConfig(GOOD, 'host name')).toThrow(/INSTANCE_ID must be/);
  expect(() => loadConfig(GOOD)).toThrow(/INSTANCE_ID is required/);
});

test('figures are answered on another port than everything else, or on that one', () => {
  expect(faultsOf({ PORT: '9100', METRICS_PORT: '9100' })).toEqual(['METRICS_PORT must differ from PORT']);
  expect(faultsOf({ METRICS_PORT: '3000' })).toEqual(['METRICS_PORT must differ from PORT']);
  expect(load({ PORT: '0', METRICS_PORT: '0' })).toMatchObject({ port: 0, metricsPort: 0 });
});

test('the configuration cannot be changed', () => {
  expect(Object.isFrozen(load())).toBe(true);
});

test('e-mail is sent where there are a server and a sender, and not with one of them', () => {
  expect(load().smtp).toBeUndefined();
  expect(load(SMTP).smtp).toEqual({ url: SMTP.SMTP_URL, from: SMTP.SMTP_FROM });
  expect(load({ ...SMTP, SMTP_FROM: 'Simple IoT <a@iot.example>' }).smtp?.from).toBe(
    'Simple IoT <a@iot.example>',
  );
  expect(faultsOf({ SMTP_URL: SMTP.SMTP_URL })).toEqual(['SMTP_FROM must be set with SMTP_URL']);
  expect(faultsOf({ SMTP_FROM: SMTP.SMTP_FROM })).toEqual(['SMTP_URL must be set with SMTP_FROM']);
});
