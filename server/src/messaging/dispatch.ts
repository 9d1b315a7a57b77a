import type { IPublishPacket } from 'mqtt';
import { MAX_PAYLOAD_BYTES } from '../../contract/messages.ts';
import { topicMatcher } from '../../contract/topics.ts';
import type { Logger } from '../platform/logger.ts';
import type { Qos } from './connection.ts';

/** A message of a device, its topic and form checked: `body` is a JSON object. */
export interface DeviceMessage {
  readonly deviceId: string;
  readonly topic: string;
  readonly qos: Qos;
  readonly retained: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Handles the messages of one kind of topic. Returns what it did, or why it ignored the message. */
export type MessageHandler = (message: DeviceMessage) => string | Promise<string>;

/** Which messages a feature handles. */
export interface MessageRoute {
  /** Names the messages in counters, such as `ping`. */
  readonly name: string;
  /** A topic with `{device}` for the level that holds the UUID of a device, and `+` for others that vary. */
  readonly topic: string;
  /** QoS of the server's subscription. */
  readonly qos: Qos;
  readonly handler: MessageHandler;
}

export interface Dispatcher {
  /** Never throws: what a handler throws is logged and counted. Done when it returns, unless the handler takes its time. */
  dispatch(packet: IPublishPacket): void | Promise<void>;
}

export interface DispatcherDeps {
  readonly log: Logger;
  readonly routes: readonly MessageRoute[];
  /** Where messages are counted by outcome, such as `ping:answered` or `dropped:not_json`. */
  readonly counts: Record<string, number>;
}

/** Parses what arrives from devices and hands it to the handler of its topic. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { counts } = deps;
  const routes = deps.routes.map((route) => ({ ...route, deviceOf: topicMatcher(route.topic) }));

  function find(topic: string) {
    for (const { name, handler, deviceOf } of routes) {
      const deviceId = deviceOf(topic);
      if (deviceId !== undefined) return { name, handler, deviceId };
    }
    return undefined;
  }

  function count(outcome: string, topic: string): void {
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    if (outcome.startsWith('dropped:')) deps.log.debug({ topic, outcome }, 'message dropped');
  }

  function failed(error: unknown, topic: string): void {
    count('dropped:handler_failed', topic);
    deps.log.error({ err: error, topic }, 'message handler failed');
  }

  return {
    dispatch(packet) {
      const { topic } = packet;
      const found = find(topic);
      if (!found) return count('dropped:unknown_topic', topic);
      const body = parseObject(packet.payload);
      if (typeof body === 'string') return count(`dropped:${body}`, topic);
      const { name, handler, deviceId } = found;
      try {
        const outcome = handler({ deviceId, topic, qos: packet.qos, retained: packet.retain, body });
        if (typeof outcome === 'string') return count(`${name}:${outcome}`, topic);
        return outcome.then(
          (text) => count(`${name}:${text}`, topic),
          (error: unknown) => failed(error, topic),
        );
      } catch (error) {
        failed(error, topic);
      }
    },
  };
}

function parseObject(
  payload: Buffer | string,
): Record<string, unknown> | 'too_large' | 'not_json' | 'not_an_object' {
  if (Buffer.byteLength(payload) > MAX_PAYLOAD_BYTES) return 'too_large';
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    return isObject(value) ? value : 'not_an_object';
  } catch {
    return 'not_json';
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
