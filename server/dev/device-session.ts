import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';

const CONNECT_LIMIT_MS = 10_000;
const DENIED = 128;
const REFUSED_CODES: readonly unknown[] = [4, 5, 134, 135, 138];

/** Whether CONNACK said that the credential is not good, or no longer (docs/protocol.md, section 5). */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && REFUSED_CODES.includes(error.code);
}

/** One MQTT 3.1.1 connection, which is not kept up. Rejects with the CONNACK code in `code` when refused. */
export async function connectMqtt(url: string, options: IClientOptions): Promise<MqttClient> {
  const client = await mqtt.connectAsync(
    url,
    { protocolVersion: 4, reconnectPeriod: 0, connectTimeout: CONNECT_LIMIT_MS, ...options },
    false,
  );
  client.on('error', () => {});
  return client;
}

/** Subscribes, and returns the topics that the broker denies. */
export async function subscribeAll(client: MqttClient, topics: readonly string[]): Promise<string[]> {
  // One by one: mqtt.js rejects a SUBACK that denies anything.
  const granted = await Promise.all(
    topics.map((topic) =>
      client.subscribeAsync(topic, { qos: 1 }).then(
        (grants) => grants.every(({ qos }) => qos < DENIED),
        (error: unknown) => {
          if (!client.connected) throw error;
          return false;
        },
      ),
    ),
  );
  return topics.filter((_, at) => !granted[at]);
}
