/** The development broker in a process of its own. */
import { startDevBroker } from '@simple-iot/dev-broker';
import { answerParent, ownUsage } from './answer-parent.ts';

const broker = await startDevBroker({
  apiKey: process.env.EMQX_API_KEY ?? '',
  apiSecret: process.env.MQTT_SECRET_KEY ?? '',
});
const { mqttPort, serverUrl, apiUrl } = broker;

answerParent({ ports: () => ({ mqttPort, serverUrl, apiUrl }), usage: ownUsage });
