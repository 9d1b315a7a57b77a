import type { Qos } from '../authorization/rules.ts';

/** The properties of MQTT 5 that are handed from a publisher to its subscribers as they are. */
export interface MessageProperties {
  payloadFormatIndicator?: boolean;
  responseTopic?: string;
  correlationData?: Buffer;
  userProperties?: Record<string, string | string[]>;
  contentType?: string;
}

/** A message on its way through the broker. */
export interface Message {
  topic: string;
  payload: Buffer;
  qos: Qos;
  /** Published with the retain flag. Receivers see it only where their subscription asks for it. */
  retain: boolean;
  /** Comes from the store of retained messages: every receiver sees the retain flag. */
  stored?: boolean;
  /** Client id of the publisher; null for the broker itself and for REST. */
  from: string | null;
  fromUsername?: string | undefined;
  /** Unix milliseconds. */
  publishedAtMs: number;
  /** Unix milliseconds from which on nobody is given the message any more; null for never. */
  expiresAtMs: number | null;
  properties?: MessageProperties | undefined;
}

export function isExpired(message: Message, nowMs: number): boolean {
  return message.expiresAtMs !== null && message.expiresAtMs <= nowMs;
}
