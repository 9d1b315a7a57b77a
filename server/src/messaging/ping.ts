import { PONG } from '../../contract/messages.ts';
import type { Qos } from './connection.ts';
import type { MessageHandler } from './dispatch.ts';

export interface PingDeps {
  readonly publish: (topic: string, payload: string, qos: Qos) => boolean;
  /** Told of every device that sent a PING. */
  readonly onSeen: (deviceId: string) => void;
}

/**
 * Answers a device's PING with one PONG: same topic, same QoS, not retained (docs/protocol.md, section 4). Everything
 * else on the topic, its own PONGs included, is ignored.
 */
export function pingHandler(deps: PingDeps): MessageHandler {
  return ({ body, retained, topic, qos, deviceId }) => {
    if (body.c !== 'PING') return body.c === 'PONG' ? 'pong_ignored' : 'ignored';
    if (retained) return 'retained_ignored';
    deps.onSeen(deviceId);
    return deps.publish(topic, PONG, qos) ? 'answered' : 'not_sent';
  };
}
