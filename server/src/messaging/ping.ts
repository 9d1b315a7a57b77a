import { PONG } from '../../contract/messages.ts';
import { DEVICE_LEVEL, pingTopic, topicFilter } from '../../contract/topics.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Qos } from './connection.ts';
import type { MessageHandler, MessageRoute } from './dispatch.ts';
import type { SessionRight } from './messaging.ts';

export interface PingDeps {
  readonly publish: (topic: string, payload: string, qos: Qos, onSent?: () => void) => boolean;
  readonly metrics: Metrics;
  /** Told of every device that sent a PING. */
  readonly onSeen: (deviceId: string) => void;
}

const BUCKETS = [0.0002, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5];

/** Answers that the median is taken of. */
const RECENT = 100;

/** Both forms that a device may use. */
const TOPICS = [pingTopic(DEVICE_LEVEL), `/${pingTopic(DEVICE_LEVEL)}`];

/** Answers PINGs, and knows how long the last of them took. */
export function createPing(deps: PingDeps): {
  /** Of the last answers; undefined as long as there were none. */
  medianMs(): number | undefined;
  readonly messages: readonly MessageRoute[];
  readonly sessionRights: readonly SessionRight[];
} {
  const recent: number[] = [];
  const handler = pingHandler(deps, (ms) => {
    recent.push(ms);
    if (recent.length > RECENT) recent.shift();
  });
  return {
    medianMs: () => recent.toSorted((one, other) => one - other)[Math.floor(recent.length / 2)],
    // The server's zone delivers at the higher of the two levels (`upgrade_qos`): 0 is the level of the PING itself.
    messages: TOPICS.map((topic) => ({ name: 'ping', topic, qos: 0, handler })),
    sessionRights: TOPICS.map((topic) => ({ action: 'publish', topic: topicFilter(topic) })),
  };
}

/**
 * Answers a device's PING with one PONG: same topic, same QoS, not retained (docs/protocol.md, section 4). Everything
 * else on the topic, its own PONGs included, is ignored.
 */
export function pingHandler(deps: PingDeps, onAnswered: (ms: number) => void): MessageHandler {
  const latency = deps.metrics.duration({
    name: 'siot_ping_duration_seconds',
    help: 'From the arrival of a PING until its PONG was written, or with QoS 1 and 2 delivered to the broker.',
    buckets: BUCKETS,
  });
  return ({ body, retained, topic, qos, deviceId }) => {
    if (body.c !== 'PING') return body.c === 'PONG' ? 'pong_ignored' : 'ignored';
    if (retained) return 'retained_ignored';
    deps.onSeen(deviceId);
    const startedAt = performance.now();
    const sent = deps.publish(topic, PONG, qos, () => {
      const ms = performance.now() - startedAt;
      latency({}, ms / 1000);
      onAnswered(ms);
    });
    return sent ? 'answered' : 'not_sent';
  };
}
