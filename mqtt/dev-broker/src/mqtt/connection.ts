import type { Socket } from 'node:net';
import { generate, type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import { DecisionCache } from '../authorization/cache.ts';
import type { Identity } from '../authorization/identity.ts';
import type { Timer } from '../clock.ts';
import type { Client, Delivery, DisconnectReason, Will, ZoneName } from '../sessions/client.ts';
import type { Message } from '../sessions/message.ts';
import type { Session } from '../sessions/session.ts';
import { REASON } from './reason-codes.ts';

/** EMQX's names for its listeners and their zones. */
export interface ListenerIdentity {
  id: 'tcp:default' | 'tcp:server';
  zone: ZoneName;
}

const NOBODY: Identity = { isSuperuser: false, acl: null, expireAtMs: null };

/** What an MQTT 5 client is told before its connection is closed from this side. */
const DISCONNECT_REASONS: Partial<Record<DisconnectReason, number>> = {
  kicked: REASON.administrativeAction,
  discarded: REASON.sessionTakenOver,
  takenover: REASON.sessionTakenOver,
  keepalive_timeout: REASON.keepAliveTimeout,
  not_authorized: REASON.notAuthorized,
};

/** One TCP connection. The fields below the constructor's are filled in as CONNECT is processed. */
export class Connection implements Client {
  readonly listener: string;
  readonly zone: ZoneName;
  readonly address: string;
  readonly port: number;
  readonly localPort: number;
  readonly decisions = new DecisionCache();

  clientId = '';
  username: string | undefined;
  identity = NOBODY;
  protocolVersion = 4;
  protocolName = 'MQTT';
  keepaliveSeconds = 0;
  cleanStart = true;
  bridge = false;
  expiryMs = 0;
  receiveMaximum = Number.POSITIVE_INFINITY;
  will: Will | null = null;
  session: Session | null = null;
  connectedAtMs: number | null = null;
  disconnectedAtMs: number | null = null;
  reason: DisconnectReason | null = null;
  /** The reason code of an MQTT 5 DISCONNECT from this side, where it is not that of `reason`. */
  reasonCode: number | null = null;
  expiryTimer: Timer | null = null;
  ended = false;
  receivedPackets = 0;
  receivedMessages = 0;
  sentMessages = 0;

  private readonly socket: Socket;
  private readonly now: () => number;
  private pending: Buffer[] = [];

  constructor(socket: Socket, listener: ListenerIdentity, now: () => number) {
    this.socket = socket;
    this.listener = listener.id;
    this.zone = listener.zone;
    this.now = now;
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    this.port = socket.remotePort ?? 0;
    this.localPort = socket.localPort ?? 0;
  }

  get bytesReceived(): number {
    return this.socket.bytesRead;
  }

  get bytesSent(): number {
    return this.socket.bytesWritten;
  }

  get isVersion5(): boolean {
    return this.protocolVersion === 5;
  }

  /** Takes over what CONNECT says; `expiryMs` is how long a session outlives a connection of MQTT 3.1.1. */
  introduce(packet: IConnectPacket, clientId: string, expiryMs: number): void {
    const { properties, will } = packet;
    this.clientId = clientId;
    this.username = packet.username;
    this.protocolVersion = packet.protocolVersion ?? 4;
    this.protocolName = packet.protocolId ?? 'MQTT';
    this.keepaliveSeconds = packet.keepalive ?? 0;
    this.cleanStart = packet.clean ?? true;
    this.bridge = 'bridgeMode' in packet && packet.bridgeMode === true;
    this.expiryMs = this.isVersion5
      ? secondsToMs(properties?.sessionExpiryInterval ?? 0)
      : this.cleanStart
        ? 0
        : expiryMs;
    this.receiveMaximum = properties?.receiveMaximum ?? Number.POSITIVE_INFINITY;
    this.will = will ? readWill(will) : null;
  }

  send(packet: Packet): void {
    this.write(generate(packet, { protocolVersion: this.protocolVersion }));
  }

  sendPublish({ message, qos, retain }: Delivery, packetId: number, dup: boolean): void {
    this.sentMessages++;
    const { topic, payload } = message;
    const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, retain, dup };
    if (qos > 0) packet.messageId = packetId;
    if (this.isVersion5) packet.properties = this.propertiesOf(message);
    this.send(packet);
  }

  sendPubrel(messageId: number): void {
    this.send({ cmd: 'pubrel', messageId });
  }

  close(): void {
    this.expiryTimer?.cancel();
    const code = this.reasonCode ?? DISCONNECT_REASONS[this.reason ?? 'tcp_closed'];
    const tells = this.isVersion5 && this.connectedAtMs !== null && code !== undefined;
    if (tells && this.socket.writable) {
      this.pending.push(generate({ cmd: 'disconnect', reasonCode: code }, { protocolVersion: 5 }));
    }
    // What was said before is still sent; a reader that does not read is not waited for.
    const last = Buffer.concat(this.pending);
    this.pending = [];
    if (last.length === 0) this.socket.destroy();
    else this.socket.end(last, () => this.socket.destroy());
  }

  /** Small packets of one turn leave together: a system call for each would be most of the work. */
  private write(packet: Buffer): void {
    if (this.ended || !this.socket.writable) return;
    if (this.pending.push(packet) > 1) return;
    queueMicrotask(() => this.flush());
  }

  private flush(): void {
    if (this.pending.length === 0) return;
    const [only] = this.pending;
    const bytes = this.pending.length === 1 && only ? only : Buffer.concat(this.pending);
    this.pending = [];
    if (this.socket.writable) this.socket.write(bytes);
  }

  private propertiesOf(message: Message): NonNullable<IPublishPacket['properties']> {
    const { expiresAtMs, properties } = message;
    if (expiresAtMs === null) return properties ?? {};
    const remaining = Math.max(1, Math.ceil((expiresAtMs - this.now()) / 1000));
    return { ...properties, messageExpiryInterval: remaining };
  }
}

/** MQTT 5 writes "never" as the largest number of four bytes. */
export function secondsToMs(seconds: number): number {
  return seconds === 0xffff_ffff ? Number.POSITIVE_INFINITY : seconds * 1000;
}

function readWill(will: NonNullable<IConnectPacket['will']>): Will {
  const { willDelayInterval, messageExpiryInterval, ...properties } = will.properties ?? {};
  return {
    topic: will.topic,
    payload: Buffer.from(will.payload),
    qos: will.qos ?? 0,
    retain: will.retain ?? false,
    delayMs: (willDelayInterval ?? 0) * 1000,
    expiryMs: messageExpiryInterval === undefined ? null : messageExpiryInterval * 1000,
    properties,
  };
}
