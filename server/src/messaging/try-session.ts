import mqtt, { type MqttClient } from 'mqtt';
import type { Tokens } from '../tokens/token.ts';
import { serverClientId } from './messaging.ts';

interface TrySessionOptions {
  /** The broker as the server reaches it. */
  readonly mqttUrl: string;
  readonly tokens: Pick<Tokens, 'issueForServer'>;
  /** Tells the session from every other one of the server's. */
  readonly name: string;
}

const CONNECT_LIMIT_MS = 4_000;
const TOKEN_SECONDS = 60;

/** Connects once as the server does, and leaves. @returns why it failed, if it did. */
export async function trySession({ mqttUrl, tokens, name }: TrySessionOptions): Promise<string | undefined> {
  const clientId = serverClientId(name);
  const client = mqtt.connect(mqttUrl, {
    clientId,
    username: clientId,
    password: await tokens.issueForServer(clientId, [], TOKEN_SECONDS),
    reconnectPeriod: 0,
    connectTimeout: CONNECT_LIMIT_MS,
  });
  // What fails after the answer is known must not end the process.
  client.on('error', () => {});
  try {
    await connected(client);
    return undefined;
  } catch (error) {
    return `the broker at MQTT_URL refuses the server or cannot be reached: ${error instanceof Error ? error.message : ''}`;
  } finally {
    client.end();
  }
}

function connected(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', reject);
    client.once('close', () => reject(new Error('the connection was closed without an answer')));
  });
}
