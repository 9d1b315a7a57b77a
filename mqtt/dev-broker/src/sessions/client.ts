import type { AuthorizedSubject } from '../authorization/authorizer.ts';
import type { Identity } from '../authorization/identity.ts';
import type { Qos } from '../authorization/rules.ts';
import type { Message, MessageProperties } from './message.ts';

/** EMQX's zones: that of the listeners for devices, and that of the server's own. */
export type ZoneName = 'default' | 'server';

/** Why a connection ended, in the words of EMQX's `disconnected` events. */
export type DisconnectReason =
  | 'tcp_closed'
  | 'normal'
  | 'kicked'
  | 'discarded'
  | 'takenover'
  | 'keepalive_timeout'
  | 'not_authorized'
  | 'internal_error';

export interface Delivery {
  message: Message;
  qos: Qos;
  /** The retain flag as the receiver sees it. */
  retain: boolean;
}

/** What a session sends through while its client is connected. */
export interface Outlet {
  sendPublish(delivery: Delivery, packetId: number, dup: boolean): void;
  sendPubrel(packetId: number): void;
}

export interface Will {
  topic: string;
  payload: Buffer;
  qos: Qos;
  retain: boolean;
  /** MQTT 5: how long it waits for its client to come back. */
  delayMs: number;
  /** MQTT 5: how long it is worth delivering, or null. */
  expiryMs: number | null;
  properties?: MessageProperties | undefined;
}

/** A connected client, or one that was, as sessions, events and REST know it. */
export interface Client extends AuthorizedSubject, Outlet {
  identity: Identity;
  readonly listener: string;
  readonly zone: ZoneName;
  readonly address: string;
  readonly port: number;
  readonly localPort: number;
  readonly username: string | undefined;
  readonly protocolVersion: number;
  readonly protocolName: string;
  readonly keepaliveSeconds: number;
  readonly cleanStart: boolean;
  /** Connected with the bridge bit of the protocol level, an extension of MQTT 3.1.1 that EMQX knows. */
  readonly bridge: boolean;
  /** How long the session outlives the connection. */
  readonly expiryMs: number;
  /** MQTT 5: the most messages that may wait for an acknowledgement. */
  readonly receiveMaximum: number;
  readonly will: Will | null;
  /** Unix milliseconds of the CONNACK; null before. */
  connectedAtMs: number | null;
  disconnectedAtMs: number | null;
  /** Known before the socket closes; what the client or the broker did first counts. */
  reason: DisconnectReason | null;
  ended: boolean;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly receivedPackets: number;
  readonly receivedMessages: number;
  readonly sentMessages: number;
  /** Closes the connection; MQTT 5 is told the reason first. */
  close(): void;
}
