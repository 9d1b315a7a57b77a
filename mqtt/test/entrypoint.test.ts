import { expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brokerUser, createBrokerSandbox, isRoot } from './broker-sandbox.ts';

// Each test starts processes, which take their time on a busy machine.
setDefaultTimeout(60_000);

const SECRETS = {
  MQTT_SECRET_KEY: 'c2VjcmV0+/=_~-.0123456789',
  MQTT_ADMIN_PASSWORD: '0123456789012345',
};

test('both secrets that are missing are named at once, and EMQX is not started', async () => {
  await using sandbox = createBrokerSandbox();
  const run = await sandbox.run();
  expect(run.exitCode).toBe(64);
  expect(run.stderr).toContain('MQTT_SECRET_KEY is not set');
  expect(run.stderr).toContain('MQTT_ADMIN_PASSWORD is not set');
  expect(run.arguments).toBeUndefined();
  expect(existsSync(sandbox.keyFile)).toBe(false);
});

test.each([
  ['MQTT_SECRET_KEY', '', 'is not set'],
  ['MQTT_SECRET_KEY', 'a'.repeat(15), '16 to 128 characters'],
  ['MQTT_SECRET_KEY', 'a'.repeat(129), '16 to 128 characters'],
  ['MQTT_SECRET_KEY', 'abcdefgh:ijklmnopq', 'letters, digits'],
  ['MQTT_SECRET_KEY', 'abcdefgh ijklmnopq', 'letters, digits'],
  ['MQTT_SECRET_KEY', 'abcdefghijklmnop\nevil:key:administrator', 'letters, digits'],
  ['MQTT_SECRET_KEY', 'abcdefghijklmnop\n', 'letters, digits'],
  ['MQTT_SECRET_KEY', 'abcdefghijklmnopé', 'letters, digits'],
  ['MQTT_ADMIN_PASSWORD', '', 'is not set'],
  ['MQTT_ADMIN_PASSWORD', 'a'.repeat(11), '12 to 64 characters'],
  ['MQTT_ADMIN_PASSWORD', 'a'.repeat(65), '12 to 64 characters'],
  ['MQTT_ADMIN_PASSWORD', 'abcdefgh"ijklmnop', 'letters, digits'],
  ['MQTT_ADMIN_PASSWORD', 'abcdefgh$' + '{HOME}xyz', 'letters, digits'],
  ['MQTT_ADMIN_PASSWORD', 'abcdefgh\\ijklmnop', 'letters, digits'],
  ['EMQX_API_KEY', 'server:administrator', 'letters, digits'],
  ['EMQX_API_KEY', 'server\nother', 'letters, digits'],
])('%s=%j is refused without being printed', async (name, value, message) => {
  await using sandbox = createBrokerSandbox();
  const run = await sandbox.run({ env: { ...SECRETS, [name]: value } });
  expect(run.exitCode).toBe(64);
  expect(run.stderr).toContain(name);
  expect(run.stderr).toContain(message);
  if (value !== '') expect(run.stderr).not.toContain(value);
  expect(run.arguments).toBeUndefined();
});

test('the API key is written for EMQX alone, one line in the form key:secret:role', async () => {
  await using sandbox = createBrokerSandbox();
  const run = await sandbox.run({ env: SECRETS });
  expect(run.exitCode).toBe(0);
  expect(readFileSync(sandbox.keyFile, 'utf8')).toBe(
    `simple-iot-server:${SECRETS.MQTT_SECRET_KEY}:administrator\n`,
  );
  expect(statSync(sandbox.keyFile).mode & 0o777).toBe(0o600);
  expect(run.environment.EMQX_API_KEY__BOOTSTRAP_FILE).toBe(sandbox.keyFile);
});

test('EMQX_API_KEY names the key', async () => {
  await using sandbox = createBrokerSandbox();
  await sandbox.run({ env: { ...SECRETS, EMQX_API_KEY: 'other_Server-2' } });
  expect(readFileSync(sandbox.keyFile, 'utf8')).toStartWith('other_Server-2:');
});

test('a restart replaces the key file, whatever its mode was', async () => {
  await using sandbox = createBrokerSandbox();
  await sandbox.run({ env: SECRETS });
  chmodSync(sandbox.keyFile, 0o444);
  const run = await sandbox.run({ env: { ...SECRETS, MQTT_SECRET_KEY: 'another-secret-key' } });
  expect(run.exitCode).toBe(0);
  expect(readFileSync(sandbox.keyFile, 'utf8')).toBe('simple-iot-server:another-secret-key:administrator\n');
  expect(statSync(sandbox.keyFile).mode & 0o777).toBe(0o600);
});

test('the dashboard password is a HOCON string even when it looks like a number', async () => {
  await using sandbox = createBrokerSandbox();
  const { environment } = await sandbox.run({ env: SECRETS });
  expect(environment.EMQX_DASHBOARD__DEFAULT_PASSWORD).toBe(`"${SECRETS.MQTT_ADMIN_PASSWORD}"`);
});

test('what EMQX would take for its configuration, and DEBUG, do not reach it', async () => {
  await using sandbox = createBrokerSandbox();
  const { environment } = await sandbox.run({
    env: { ...SECRETS, EMQX_API_KEY: 'server', EMQX_API_URL: 'http://mqtt:18083/api/v5', DEBUG: 'true' },
  });
  const passedOn = Object.keys(environment);
  expect(passedOn).toContain('EMQX_API_KEY__BOOTSTRAP_FILE');
  for (const name of ['EMQX_API_KEY', 'EMQX_API_URL', 'DEBUG', 'MQTT_SECRET_KEY', 'MQTT_ADMIN_PASSWORD']) {
    expect(passedOn).not.toContain(name);
  }
});

test('the base entrypoint gets the command word by word', async () => {
  await using sandbox = createBrokerSandbox();
  const run = await sandbox.run({
    env: SECRETS,
    arguments: ['/opt/emqx/bin/emqx', 'foreground', 'a  b', '$(id)', ''],
  });
  expect(run.arguments).toEqual(['/opt/emqx/bin/emqx', 'foreground', 'a  b', '$(id)', '']);
});

test("the base entrypoint's exit code is the container's", async () => {
  await using sandbox = createBrokerSandbox();
  const run = await sandbox.run({ env: SECRETS, arguments: ['exit', '7'] });
  expect(run.exitCode).toBe(7);
});

test('SIGTERM reaches EMQX: the entrypoint has handed over its process', async () => {
  await using sandbox = createBrokerSandbox();
  const child = sandbox.start({ env: SECRETS, arguments: ['wait'] });
  while (!existsSync(join(sandbox.folder, 'environment'))) await Bun.sleep(5);
  expect(readFileSync(join(sandbox.folder, 'called'), 'utf8')).toContain(`pid=${child.pid}\n`);
  child.kill('SIGTERM');
  expect(await child.exited).toBe(0);
  expect(readFileSync(join(sandbox.folder, 'signal'), 'utf8')).toBe('TERM\n');
});

test('the node name does not depend on the container, so that its data is found again', async () => {
  await using sandbox = createBrokerSandbox();
  const { environment } = await sandbox.run({ env: { ...SECRETS, HOSTNAME: 'f00ba4' } });
  expect(environment.EMQX_NODE__NAME).toBe('emqx@127.0.0.1');
});

test.each(['EMQX_NODE_NAME', 'EMQX_NODE__NAME'])('a node name given in %s stands', async (name) => {
  await using sandbox = createBrokerSandbox();
  const { environment } = await sandbox.run({ env: { ...SECRETS, [name]: 'emqx@node1.example' } });
  expect(environment[name]).toBe('emqx@node1.example');
  expect(Object.values(environment)).not.toContain('emqx@127.0.0.1');
});

test('the Erlang cookie is derived from the secret, not the public default and not the secret itself', async () => {
  await using sandbox = createBrokerSandbox();
  const first = (await sandbox.run({ env: SECRETS })).environment.EMQX_NODE__COOKIE;
  const again = (await sandbox.run({ env: SECRETS })).environment.EMQX_NODE__COOKIE;
  const other = (await sandbox.run({ env: { ...SECRETS, MQTT_SECRET_KEY: 'another-secret-key' } }))
    .environment.EMQX_NODE__COOKIE;
  expect(first).toMatch(/^c[0-9a-f]{64}$/);
  expect(again).toBe(first as string);
  expect(other).not.toBe(first as string);
});

test.each(['EMQX_NODE_COOKIE', 'EMQX_NODE__COOKIE'])('a cookie given in %s stands', async (name) => {
  await using sandbox = createBrokerSandbox();
  const { environment } = await sandbox.run({ env: { ...SECRETS, [name]: 'given' } });
  expect(environment[name]).toBe('given');
  expect(Object.keys(environment).filter((key) => key.endsWith('COOKIE'))).toEqual([name]);
});

test('with IPv6 every listener takes both families', async () => {
  await using sandbox = createBrokerSandbox({ ipv6: true });
  const { environment } = await sandbox.run({ env: SECRETS });
  expect(environment.EMQX_LISTENERS__TCP__DEFAULT__BIND).toBe('"[::]:1883"');
  expect(environment.EMQX_LISTENERS__TCP__SERVER__BIND).toBe('"[::]:1884"');
  expect(environment.EMQX_LISTENERS__SSL__DEFAULT__BIND).toBe('"[::]:8883"');
  expect(environment.EMQX_DASHBOARD__LISTENERS__HTTP__INET6).toBe('true');
});

test('without IPv6 the listeners stay as configured', async () => {
  await using sandbox = createBrokerSandbox({ ipv6: false });
  const { environment } = await sandbox.run({ env: SECRETS });
  expect(Object.keys(environment).filter((name) => /BIND|INET6/.test(name))).toEqual([]);
});

test.each([
  ['without a certificate', []],
  ['with a certificate', ['tls.crt', 'tls.key']],
])('the listeners for devices are closed at a boot, %s', async (_, files) => {
  await using sandbox = createBrokerSandbox();
  sandbox.writeCertificate(...files);
  const { environment } = await sandbox.run({ env: SECRETS });
  expect(environment.EMQX_LISTENERS__TCP__DEFAULT__ENABLE).toBe('false');
  expect(environment.EMQX_LISTENERS__SSL__DEFAULT__ENABLE).toBe('false');
  const certificates = Object.keys(environment).filter((name) => /SSL.*FILE/.test(name));
  expect(certificates).toHaveLength(files.length);
});

test('a mounted certificate is that of the TLS listener', async () => {
  await using sandbox = createBrokerSandbox();
  sandbox.writeCertificate('tls.crt', 'tls.key');
  const { environment } = await sandbox.run({ env: SECRETS });
  const certificates = join(sandbox.folder, 'certs');
  expect(environment.EMQX_LISTENERS__SSL__DEFAULT__SSL_OPTIONS__CERTFILE).toBe(`"${certificates}/tls.crt"`);
  expect(environment.EMQX_LISTENERS__SSL__DEFAULT__SSL_OPTIONS__KEYFILE).toBe(`"${certificates}/tls.key"`);
});

test.each([
  ['tls.crt', 'tls.key'],
  ['tls.key', 'tls.crt'],
])('%s without %s is refused, together with every other fault', async (present, absent) => {
  await using sandbox = createBrokerSandbox();
  sandbox.writeCertificate(present);
  const run = await sandbox.run();
  expect(run.exitCode).toBe(64);
  expect(run.stderr).toContain(`${absent} is missing`);
  expect(run.stderr).toContain('MQTT_SECRET_KEY is not set');
});

test('a key that EMQX may not read is refused', async () => {
  await using sandbox = createBrokerSandbox();
  sandbox.writeCertificate('tls.crt', 'tls.key');
  chmodSync(join(sandbox.folder, 'certs/tls.key'), 0o000);
  for (const asRoot of isRoot ? [false, true] : [false]) {
    const run = await sandbox.run({ env: SECRETS, asRoot });
    expect(run.exitCode).toBe(64);
    expect(run.stderr).toContain('tls.key cannot be read');
  }
});

test.skipIf(!isRoot)('started as root, EMQX runs unprivileged and owns its volume', async () => {
  await using sandbox = createBrokerSandbox();
  const data = join(sandbox.folder, 'opt/emqx/data');
  mkdirSync(join(data, 'mnesia'));
  writeFileSync(join(data, 'mnesia/table'), '');
  Bun.spawnSync(['chown', '-R', 'root:', data]);
  const run = await sandbox.run({
    env: SECRETS,
    asRoot: true,
    arguments: ['/opt/emqx/bin/emqx', 'foreground'],
  });
  const uid = Number(Bun.spawnSync(['id', '-u', brokerUser]).stdout.toString());
  expect(run.exitCode).toBe(0);
  expect(run.arguments).toEqual(['/opt/emqx/bin/emqx', 'foreground']);
  expect(statSync(join(sandbox.folder, 'called')).uid).toBe(uid);
  expect(statSync(sandbox.keyFile).uid).toBe(uid);
  expect(statSync(join(data, 'mnesia/table')).uid).toBe(uid);
});

test('bash runs it too', async () => {
  await using sandbox = createBrokerSandbox({ shell: 'bash' });
  const run = await sandbox.run({ env: SECRETS, arguments: ['foreground'] });
  expect(run.exitCode).toBe(0);
  expect(run.arguments).toEqual(['foreground']);
});
