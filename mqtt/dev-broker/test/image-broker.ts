import { type DevBroker, type DevBrokerOptions, startDevBroker } from '../src/index.ts';
import { type RestClient, restClient } from './rest-client.ts';
import { allow, expectStatus, SECRET, setRulesForAll } from './target.ts';

const KEY = { apiKey: 'dev', apiSecret: 'dev-secret' };

export interface ImageBroker extends DevBroker {
  api: RestClient;
}

/** A dev broker as the image configures it, which refuses everyone; its device listener is open nevertheless. */
export async function startImageBroker(options: Partial<DevBrokerOptions> = {}): Promise<ImageBroker> {
  const broker = await startDevBroker({ ...KEY, deviceListener: 'open', ...options });
  return { ...broker, api: restClient(broker.apiUrl, KEY.apiKey, KEY.apiSecret) };
}

/** Lets holders of tokens in, each to its own `device/{client id}` topics. */
export async function provisionImage({ api }: ImageBroker, secret = SECRET): Promise<void> {
  const authenticator = {
    mechanism: 'jwt',
    use_jwks: false,
    secret,
    verify_claims: { sub: '${clientid}', username: '${username}' },
  };
  await expectStatus(api('POST', '/authentication', authenticator), 200);
  await expectStatus(api('PUT', '/authentication/jwt/position/front'), 204);
  await expectStatus(api('POST', '/authorization/sources', { type: 'built_in_database', enable: true }), 204);
  await setRulesForAll(api, [allow('device/${clientid}/#')]);
}
