import type { IPublishPacket } from 'mqtt';
import { MAX_PAYLOAD_BYTES } from '../../contract/messages.ts';
import { parseDeviceTopic } from '../../contract/topics.ts';
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

export interface Dispatcher {
  /** Never throws: what a handler throws is logged and counted. Done when it returns, unless the handler takes its time. */
  dispatch(packet: IPublishPacket): void | Promise<void>;
  /** How many messages ended in which outcome since the start, such as `ping:answered` or `dropped:not_json`. */
  counts(): Readonly<Record<string, number>>;
}

export interface DispatcherDeps {
  readonly log: Logger;
  /** By the kind of topic, as `parseDeviceTopic` names it. */
  readonly handlers: Readonly<Record<string, MessageHandler>>;
}

/** Parses what arrives from devices and hands it to the handler of its topic. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const counts: Record<string, number> = {};

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
      const parsed = parseDeviceTopic(topic);
      const handler =
        parsed && Object.hasOwn(deps.handlers, parsed.kind) ? deps.handlers[parsed.kind] : undefined;
      if (!parsed || !handler) return count('dropped:unknown_topic', topic);
      const body = parseObject(packet.payload);
      if (typeof body === 'string') return count(`dropped:${body}`, topic);
      const { id: deviceId, kind } = parsed;
      try {
        const outcome = handler({ deviceId, topic, qos: packet.qos, retained: packet.retain, body });
        if (typeof outcome === 'string') return count(`${kind}:${outcome}`, topic);
        return outcome.then(
          (text) => count(`${kind}:${text}`, topic),
          (error: unknown) => failed(error, topic),
        );
      } catch (error) {
        failed(error, topic);
      }
    },
    counts: () => ({ ...counts }),
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
