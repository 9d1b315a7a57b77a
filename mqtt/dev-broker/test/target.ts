import { expect } from 'bun:test';
import { SignJWT } from 'jose';
import type { IClientOptions } from 'mqtt';
import { startDevBroker } from '../src/index.ts';
import { type ConnectResult, type TestClient, tryConnect } from './mqtt-client.ts';
import { type RestClient, restClient } from './rest-client.ts';

/** The broker under test: a real EMQX where the environment names one, else a dev broker with EMQX's defaults. */
export interface Target {
  api: RestClient;
  /** The same API with another `authorization` header, or none. */
  apiAs(authorization: string | null): RestClient;
  mqttUrl: string;
  /** Brings the configuration back to what it was before the suite. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export const SECRET = 'jwt-secret-jwt-secret-jwt-secret-jwt-secret';

const RULES_PATH = '/authorization/sources/built_in_database/rules';
export const AUTHENTICATOR = {
  mechanism: 'jwt',
  enable: true,
  algorithm: 'hmac-based',
  use_jwks: false,
  secret: SECRET,
  secret_base64_encoded: false,
  from: 'password',
  verify_claims: { sub: '${clientid}', username: '${username}' },
  disconnect_after_expire: true,
  acl_claim_name: 'acl',
};
const SETTINGS = { deny_action: 'ignore', cache: { enable: true, max_size: 32, ttl: '1m', excludes: [] } };

export async function openTarget(): Promise<Target> {
  const { EMQX_URL, EMQX_MQTT_URL, EMQX_API_KEY = '', EMQX_API_SECRET = '' } = process.env;
  if (EMQX_URL) {
    const url = EMQX_URL.replace(/\/+$/, '').replace(/(\/api\/v5)?$/, '/api/v5');
    return target(url, EMQX_MQTT_URL ?? '', EMQX_API_KEY, EMQX_API_SECRET, async () => {});
  }
  const key = { apiKey: 'contract', apiSecret: 'contract-secret' };
  const broker = await startDevBroker({ ...key, profile: 'stock' });
  return target(broker.apiUrl, broker.mqttUrl, key.apiKey, key.apiSecret, () => broker.close());
}

/** What the server provisions: one JWT authenticator, the rule table in front, no match is a refusal. */
export async function provision({ api, reset }: Target): Promise<void> {
  await reset();
  await expectStatus(api('POST', '/authentication', AUTHENTICATOR), 200);
  await expectStatus(api('PUT', '/authorization/settings', { ...SETTINGS, no_match: 'deny' }), 200);
  await expectStatus(
    api('PUT', '/authorization/sources/file', { type: 'file', enable: false, rules: '{deny, all}.\n' }),
    204,
  );
  await expectStatus(
    api('POST', '/authorization/sources', { type: 'built_in_database', enable: true, max_rules: 100 }),
    204,
  );
  await setRulesForAll(api, DEVICE_RULES);
}

export interface RuleBody {
  topic: string;
  permission: 'allow' | 'deny';
  action: 'publish' | 'subscribe' | 'all';
}

export const allow = (topic: string, action: RuleBody['action'] = 'all'): RuleBody => ({
  topic,
  permission: 'allow',
  action,
});

/** The device rules of the wire contract. */
const DEVICE_RULES = [
  allow('device/${clientid}/ping'),
  allow('device/${clientid}/data'),
  allow('device/${clientid}/master'),
  allow('/device/${clientid}/ping'),
  allow('device/${clientid}/command', 'subscribe'),
  allow('device/${clientid}/reply', 'publish'),
];

export async function setRulesForAll(api: RestClient, rules: RuleBody[]): Promise<void> {
  await expectStatus(api('POST', `${RULES_PATH}/all`, { rules }), 204);
}

export async function setRulesOf(api: RestClient, clientid: string, rules: RuleBody[]): Promise<void> {
  await expectStatus(api('PUT', `${RULES_PATH}/clients/${clientid}`, { clientid, rules }), 204);
}

/** Changes a part of the global zone's `mqtt`, for sessions that begin afterwards. */
export async function changeMqtt(api: RestClient, changes: Record<string, unknown>): Promise<void> {
  const zone = (await expectStatus(api('GET', '/configs/global_zone'), 200)) as { mqtt: object };
  await expectStatus(
    api('PUT', '/configs/global_zone', { ...zone, mqtt: { ...zone.mqtt, ...changes } }),
    200,
  );
}

/** Asks again until the answer is as expected: EMQX's counts lag behind. */
export async function untilAnswer(api: RestClient, path: string, expected: object): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const { body } = await api('GET', path);
    try {
      expect(body).toMatchObject(expected);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await Bun.sleep(20);
  }
}

/** Everything: for a client that only watches. */
export const WATCHER_ACL = [allow('#'), allow('$SYS/#')];

export interface Claims {
  acl?: unknown;
  is_superuser?: boolean;
  username?: string | null;
  sub?: string | null;
  /** Seconds from now; null leaves `exp` out. */
  expiresIn?: number | null;
  secret?: string;
}

/** A token for a client id; `null` leaves a claim out. */
export async function token(clientId: string, claims: Claims = {}): Promise<string> {
  const {
    acl,
    is_superuser,
    username = `${clientId}.1`,
    sub = clientId,
    expiresIn = 3600,
    secret = SECRET,
  } = claims;
  const nowSeconds = Math.floor(Date.now() / 1000);
  return new SignJWT({
    ...(username === null ? {} : { username }),
    ...(sub === null ? {} : { sub }),
    ...(acl === undefined ? {} : { acl }),
    ...(is_superuser === undefined ? {} : { is_superuser }),
    ...(expiresIn === null ? {} : { exp: nowSeconds + expiresIn }),
  })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret));
}

export interface ClientOptions {
  claims?: Claims;
  protocolVersion?: 4 | 5;
  properties?: IClientOptions['properties'];
  clean?: boolean;
  holdAcks?: boolean;
  will?: { topic: string; payload: Buffer; qos: 0 | 1 | 2; retain: boolean };
}

/** Connects with a good token. */
export async function connect(
  mqttUrl: string,
  clientId: string,
  options: ClientOptions = {},
): Promise<TestClient> {
  const { claims, ...rest } = options;
  const result = await tryConnect(mqttUrl, {
    clientId,
    username: `${clientId}.1`,
    password: await token(clientId, claims),
    ...rest,
  });
  if (!result.ok) throw new Error(`${clientId} was refused: ${result.returnCode}`);
  return result.client;
}

/** Resolves once the broker has noticed that a client is away. */
export async function untilAway(api: RestClient, clientId: string): Promise<void> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const { status, body } = await api('GET', `/clients/${clientId}`);
    if (status === 404 || (body as { connected: boolean }).connected === false) return;
    if (performance.now() > deadline) throw new Error(`${clientId} is still there`);
  }
}

/** The CONNACK return code; a client that was let in says good-bye. */
export async function returnCode(result: Promise<ConnectResult>): Promise<number | 'closed'> {
  const settled = await result;
  if (!settled.ok) return settled.returnCode;
  await settled.client.end();
  return 0;
}

export async function expectStatus(
  answer: Promise<{ status: number; body: unknown }>,
  status: number,
): Promise<unknown> {
  const got = await answer;
  if (got.status !== status) throw new Error(`${got.status} ${JSON.stringify(got.body)}, not ${status}`);
  return got.body;
}

async function target(
  url: string,
  mqttUrl: string,
  apiKey: string,
  apiSecret: string,
  close: () => Promise<void>,
): Promise<Target> {
  const api = restClient(url, apiKey, apiSecret);
  const file = await expectStatus(api('GET', '/authorization/sources/file'), 200);
  const zone = await expectStatus(api('GET', '/configs/global_zone'), 200);
  const retainer = await expectStatus(api('GET', '/mqtt/retainer'), 200);
  const delayed = await expectStatus(api('GET', '/mqtt/delayed'), 200);
  const sysTopics = await expectStatus(api('GET', '/configs/sys_topics'), 200);
  const reset = async () => {
    const clients = await rowsOf(api, '/clients?limit=10000');
    await api(
      'POST',
      '/clients/kickout/bulk',
      clients.map(({ clientid }) => clientid),
    );
    for (const { as, who } of await rowsOf(api, '/banned?limit=1000')) {
      await api('DELETE', `/banned/${as}/${who}`);
    }
    for (const { id } of await rowsOf(api, '/authentication')) await api('DELETE', `/authentication/${id}`);
    await api('DELETE', '/authorization/sources/built_in_database');
    await expectStatus(api('PUT', '/authorization/sources/file', file), 204);
    await expectStatus(api('PUT', '/authorization/settings', { ...SETTINGS, no_match: 'allow' }), 200);
    await expectStatus(api('PUT', '/configs/global_zone', zone), 200);
    await expectStatus(api('PUT', '/mqtt/retainer', retainer), 200);
    await expectStatus(api('PUT', '/mqtt/delayed', delayed), 200);
    await expectStatus(api('PUT', '/configs/sys_topics', sysTopics), 200);
    await expectStatus(api('DELETE', '/mqtt/retainer/messages'), 204);
    await expectStatus(api('POST', '/listeners/tcp:default/start'), 200);
  };
  return {
    api,
    apiAs: (authorization) => restClient(url, apiKey, apiSecret, authorization),
    mqttUrl,
    reset,
    close: async () => {
      await reset();
      await close();
    },
  };
}

/** The rows of a list, whether it is paged or not. */
async function rowsOf(api: RestClient, path: string): Promise<Record<string, unknown>[]> {
  const { body } = await api('GET', path);
  return Array.isArray(body) ? body : (body as { data: Record<string, unknown>[] }).data;
}
