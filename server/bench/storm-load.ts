/** Devices that all come online together, each over a connection of its own. */
import type { MqttClient } from 'mqtt';
import { z } from 'zod';
import { PING } from '../contract/messages.ts';
import { ackTopic, commandTopic, linkTopic, pingTopic } from '../contract/topics.ts';
import { requestToken } from '../dev/device-http.ts';
import { connectMqtt, subscribeAll } from '../dev/device-session.ts';
import { answerParent } from './answer-parent.ts';

const runArgument = z.object({
  url: z.string(),
  devices: z.array(z.object({ uuid: z.string(), credential: z.string() })),
  /** Where they obtain tokens; without it their credentials are tokens, and nobody answers their PING. */
  server: z.string().optional(),
});

type Run = z.output<typeof runArgument>;

/** On the way at a time: a radio link and a TLS handshake spread a real fleet more than that. */
const AT_ONCE = 250;

let online: MqttClient[] = [];

/** Resolves when all are online, with the time that took. */
async function run(argument: unknown): Promise<{ ms: number }> {
  const given = runArgument.parse(argument);
  const queue = given.devices.values();
  const startedAt = performance.now();
  const worker = async () => {
    for (const device of queue) online.push(await comeOnline(given, device));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { ms: performance.now() - startedAt };
}

async function comeOnline({ url, server }: Run, device: Run['devices'][number]): Promise<MqttClient> {
  const { uuid } = device;
  const access =
    server === undefined ? { token: device.credential, username: uuid } : await obtain(server, device);
  const client = await connectMqtt(url, {
    clientId: uuid,
    username: access.username,
    password: access.token,
  });
  const denied = await subscribeAll(client, [
    pingTopic(uuid),
    commandTopic(uuid),
    ackTopic(uuid),
    linkTopic(uuid),
  ]);
  if (denied.length > 0) throw new Error(`the broker denies ${denied.join(', ')}`);
  if (server !== undefined) await pong(client, uuid);
  return client;
}

async function obtain(server: string, { uuid, credential }: Run['devices'][number]) {
  const result = await requestToken(server, uuid, credential);
  if (!result.ok) throw new Error(result.failure.message);
  return { token: result.answer.t, username: result.answer.u };
}

function pong(client: MqttClient, uuid: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.on('message', (topic, payload) => {
      if (topic === pingTopic(uuid) && payload.toString() !== PING) resolve();
    });
    client.once('close', () => reject(new Error('the broker closed the connection')));
    client.publish(pingTopic(uuid), PING);
  });
}

/** All leave, and the broker has noticed. */
async function leave(): Promise<void> {
  await Promise.all(online.map((client) => client.endAsync()));
  online = [];
}

answerParent({ run, leave });
