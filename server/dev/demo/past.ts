import { dataTopic } from '../../contract/topics.ts';
import type { Random } from '../../src/platform/random.ts';
import type { SessionFacts } from '../../src/presence/history.ts';
import type { Delivery } from '../../src/telemetry/ingest/windowed-consumer.ts';
import { createCurves } from '../fleet/curves.ts';
import type { DemoDevice } from './cast.ts';

/** A time that is over, Unix milliseconds. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a device would have done in a span. */
export interface Past {
  readonly sessions: readonly SessionFacts[];
  readonly deliveries: readonly Delivery[];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Between records; those that arrive live come more often. */
const RECORD_EVERY_MS = 2 * MINUTE_MS;
const KEEP_ALIVE_SECONDS = 60;
/** After which the broker takes a silent device for gone. */
const SILENCE_MS = KEEP_ALIVE_SECONDS * 1_500;

/** How long sessions and the breaks between them are. */
const RHYTHM: Readonly<Record<DemoDevice['part'], { readonly upMs: number; readonly downMs: number }>> = {
  steady: { upMs: 48 * HOUR_MS, downMs: 6 * MINUTE_MS },
  flapping: { upMs: 40 * MINUTE_MS, downMs: 4 * MINUTE_MS },
  pending: { upMs: 48 * HOUR_MS, downMs: 6 * MINUTE_MS },
  revoked: { upMs: 20 * HOUR_MS, downMs: 30 * MINUTE_MS },
};

/** Makes up sessions and numbered records of a device. A device keeps its records until they are stored: none is lost. */
export function pastOf(device: DemoDevice, span: Span, random: Random): Past {
  const sessions = sessionsOf(device, span, random);
  const curves = createCurves(device.place, random);
  const topic = dataTopic(device.uuid);
  const boot = new DataView(random.bytes(4).slice().buffer).getUint32(0);
  const deliveries: Delivery[] = [];
  let n = 0;
  for (const { connectedAt, disconnectedAt = span.toMs } of sessions) {
    for (
      let at = connectedAt + random.fraction() * RECORD_EVERY_MS;
      at < disconnectedAt;
      at += RECORD_EVERY_MS
    ) {
      n++;
      const ts = Math.round(at);
      deliveries.push({
        packetId: undefined,
        dup: false,
        topic,
        payload: Buffer.from(JSON.stringify({ ...curves(ts), ts, b: boot, n })),
        receivedUs: ts * 1_000,
      });
    }
  }
  return { sessions, deliveries };
}

function sessionsOf(device: DemoDevice, span: Span, random: Random): SessionFacts[] {
  const { upMs, downMs } = RHYTHM[device.part];
  const around = (ms: number) => Math.round(ms * (0.5 + random.fraction()));
  const address = `192.168.1.${20 + Math.floor(device.place * 200)}`;
  const sessions: SessionFacts[] = [];
  for (let start = span.fromMs; start < span.toMs; ) {
    const end = Math.min(start + around(upMs), span.toMs);
    sessions.push({
      deviceId: device.uuid,
      connectedAt: start,
      disconnectedAt: end,
      reason: end - start < SILENCE_MS || random.fraction() < 0.5 ? 'tcp_closed' : 'keepalive_timeout',
      address,
      keepAlive: KEEP_ALIVE_SECONDS,
    });
    start = end + around(downMs);
  }
  return sessions;
}
