import { deviceKey } from '../src/platform/secrets.ts';

interface ExampleOptions {
  readonly url: string;
  readonly mqttPort: number;
  readonly uuid: string;
  readonly agentSecret: string;
}

/**
 * Lines to copy into a shell: a token by `curl`, a PONG by mosquitto's clients. A token is good for one client id only,
 * and two connections with it would end each other; so one persistent session subscribes, publishes and reads in turn.
 */
export async function exampleLines(options: ExampleOptions): Promise<string[]> {
  const request = `${options.url}/auth/devices/request?uuid=${options.uuid}`;
  // The device's own key, which the server takes whatever DEVICE_CREDENTIALS is.
  const key = deviceKey(options.agentSecret, options.uuid);
  const authorization = `Authorization: Bearer ${key}`;
  const answer = await fetch(request, { headers: { authorization: `Bearer ${key}` } });
  const curl = ['A token:', '', `curl -s -H '${authorization}' '${request}'`];
  if (!answer.ok) {
    return [
      ...curl,
      '',
      `(An example of PING and PONG takes a token; now the answer is ${await answer.text()})`,
    ];
  }
  const { t, u } = (await answer.json()) as { t: string; u: string };
  const topic = `device/${options.uuid}/ping`;
  const session = `-h 127.0.0.1 -p ${options.mqttPort} -i ${options.uuid} -u ${u} -P ${t} -c -q 1 -t ${topic}`;
  return [
    ...curl,
    '',
    'A PING and its PONG (mosquitto_sub and mosquitto_pub: Debian package mosquitto-clients):',
    '',
    `mosquitto_sub ${session} -E && mosquitto_pub ${session} -m '{"c":"PING"}' && mosquitto_sub ${session} -C 1 -W 10`,
  ];
}
