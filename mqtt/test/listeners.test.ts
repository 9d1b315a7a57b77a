import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { type DevBroker, startDevBroker } from '../dev-broker/src/index.ts';
import { type BrokerSandbox, createBrokerSandbox } from './broker-sandbox.ts';

// Each test starts processes, which take their time on a busy machine.
setDefaultTimeout(60_000);

// Who starts the listeners for devices where the server is away: the entrypoint, beside an EMQX that has booted.

const SECRETS = { MQTT_SECRET_KEY: 'c2VjcmV0+/=_~-.0123456789', MQTT_ADMIN_PASSWORD: '0123456789012345' };
const KEY = { apiKey: 'simple-iot-server', apiSecret: SECRETS.MQTT_SECRET_KEY };
const RULES = '/authorization/sources/built_in_database/rules';
const AUTHENTICATOR = {
  mechanism: 'jwt',
  use_jwks: false,
  secret: 'x'.repeat(32),
  verify_claims: { sub: '${clientid}', username: '${username}' },
};

/** A part of `cluster.hocon` as EMQX writes it. */
const PROVISIONED = `authentication = [
  {
    acl_claim_name = acl
    algorithm = hmac-based
    mechanism = jwt
  }
]
`;

let broker: DevBroker;
let sandbox: BrokerSandbox;
let proxy: Bun.Server<undefined>;
/** The calls of the entrypoint, with the status that each was answered. */
let calls: { call: string; status: number }[] = [];
let onCall = () => {};

beforeEach(async () => {
  broker = await startDevBroker({ ...KEY, deviceListener: 'closed' });
  calls = [];
  proxy = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const { method, headers } = request;
      const answer = await fetch(new URL(pathname, broker.apiUrl), { method, headers });
      calls.push({ call: `${method} ${pathname.replace('/api/v5', '')}`, status: answer.status });
      onCall();
      return new Response(await answer.text(), { status: answer.status });
    },
  });
  sandbox = createBrokerSandbox({ apiUrl: `http://127.0.0.1:${proxy.port}/api/v5` });
  sandbox.writeClusterConfig(PROVISIONED);
  await api('POST', '/authentication', AUTHENTICATOR);
  await api('POST', '/authorization/sources', { type: 'built_in_database', enable: true });
  await api('POST', `${RULES}/all`, { rules: [{ topic: 'a', permission: 'allow', action: 'all' }] });
});

afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
  await proxy.stop(true);
  await broker.close();
});

async function api(method: string, path: string, body?: unknown) {
  const response = await fetch(`${broker.apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Basic ${btoa(`${KEY.apiKey}:${KEY.apiSecret}`)}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.ok).toBe(true);
  return response;
}

const isRunning = async (id: string) =>
  ((await (await api('GET', `/listeners/${id}`)).json()) as { running: boolean }).running;

/** Runs the entrypoint until a call has been answered so, then gives what it wrote. */
async function runUntil(call: string, status: number): Promise<string> {
  const reached = new Promise<void>((resolve) => {
    onCall = () => {
      if (calls.some((each) => each.call === call && each.status === status)) resolve();
    };
  });
  const child = sandbox.start({ env: SECRETS, arguments: ['wait'] });
  await reached;
  child.kill('SIGTERM');
  await child.exited;
  // Ends once the entrypoint's helper has ended too.
  return await child.stdout.text();
}

test('a broker that was provisioned before starts its listener for devices by itself', async () => {
  const output = await runUntil('POST /listeners/tcp:default/start', 200);
  expect(await isRunning('tcp:default')).toBe(true);
  expect(await isRunning('ssl:default')).toBe(false);
  expect(output).toContain('Listener tcp:default was started by the entrypoint');
});

test('with a certificate the TLS listener is started as well', async () => {
  sandbox.writeCertificate('tls.crt', 'tls.key');
  await runUntil('POST /listeners/ssl:default/start', 200);
  expect(await isRunning('ssl:default')).toBe(true);
});

test('while EMQX boots nothing is started', async () => {
  await broker.restart({ deviceListener: 'closed', openAtBootMs: 'held' });
  const started = runUntil('POST /listeners/tcp:default/start', 200);
  while (calls.filter(({ status }) => status === 503).length < 5) await Bun.sleep(5);
  expect(calls.every(({ status }) => status === 503)).toBe(true);
  broker.hookAuthentication();
  await started;
  expect(await isRunning('tcp:default')).toBe(true);
});

test.each([
  ['without a stored configuration', undefined],
  ['with one that knows no tokens', PROVISIONED.replace('jwt', 'password_based')],
])('a broker %s is left to the server', async (_, text) => {
  await sandbox[Symbol.asyncDispose]();
  sandbox = createBrokerSandbox({ apiUrl: `http://127.0.0.1:${proxy.port}/api/v5` });
  if (text !== undefined) sandbox.writeClusterConfig(text);
  // Its output ends once a helper that it has started has ended.
  const run = await sandbox.run({ env: SECRETS });
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(calls).toEqual([]);
  expect(await isRunning('tcp:default')).toBe(false);
});

test('a listener that the server has started already is left alone', async () => {
  await api('POST', '/listeners/tcp:default/start');
  const output = await runUntil('GET /listeners/tcp:default', 200);
  expect(calls.filter(({ call }) => call.startsWith('POST'))).toEqual([]);
  expect(output).toBe('');
});

const OPEN: [string, () => Promise<unknown>][] = [
  ['allows what no rule names', () => api('PUT', '/authorization/settings', { no_match: 'allow' })],
  [
    'has its authenticator disabled',
    () => api('PUT', '/authentication/jwt', { ...AUTHENTICATOR, enable: false }),
  ],
  [
    'takes any token of ours for any client',
    () => api('PUT', '/authentication/jwt', { ...AUTHENTICATOR, verify_claims: {} }),
  ],
  ['has no rules yet', () => api('POST', `${RULES}/all`, { rules: [] })],
];
test.each(OPEN)('a broker that %s stays closed', async (_, open) => {
  await open();
  await runUntil(`GET ${RULES}/all`, 200);
  expect(calls.filter(({ call }) => call.includes('/listeners'))).toEqual([]);
});
