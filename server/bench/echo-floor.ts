/** The least that answers a PING: mqtt.js, which publishes a PONG on whatever topic a message came. */
import mqtt from 'mqtt';
import { answerParent, ownUsage } from './answer-parent.ts';

const clientId = 'echo-floor';
const client = await mqtt.connectAsync(process.env.MQTT_URL ?? '', {
  clientId,
  username: clientId,
  password: process.env.TOKEN ?? '',
  protocolVersion: 4,
  reconnectPeriod: 0,
});
const PONG = JSON.stringify({ c: 'PONG' });
client.on('message', (topic, _, { qos }) => client.publish(topic, PONG, { qos }));
await client.subscribeAsync(['$share/floor/floor/+/ping', '$share/floor//floor/+/ping'], { qos: 2 });

answerParent({ usage: ownUsage });
