/** The same session and windowed consumer as the server's, acknowledging without a database. */
import { systemClock } from '../src/platform/clock.ts';
import { type MqttSession, openSession } from '../src/telemetry/ingest/mqtt-session.ts';
import { createWindowedConsumer } from '../src/telemetry/ingest/windowed-consumer.ts';
import { answerParent, ownUsage } from './answer-parent.ts';

let session: MqttSession | undefined;
let stored = 0;
const consumer = createWindowedConsumer({
  clock: systemClock,
  store: async (batch) => {
    stored += batch.length;
  },
  link: {
    acknowledge: (packetIds) => session?.acknowledge(packetIds),
    pause: () => session?.pause(),
    resume: () => session?.resume(),
  },
  onFailed: () => process.exit(1),
});
await openSession({
  url: process.env.MQTT_URL ?? '',
  clientId: 'ingest-floor',
  password: process.env.TOKEN ?? '',
  filters: ['floor/+/data'],
  clock: systemClock,
  onAccepted: async (accepted) => {
    session = accepted;
  },
  onMessage: consumer.push,
  signal: new AbortController().signal,
});

answerParent({ usage: ownUsage, stored: () => stored });
