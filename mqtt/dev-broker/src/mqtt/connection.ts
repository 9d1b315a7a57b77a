import type { Socket } from 'node:net';
import type { Client } from 'aedes';
import type { Identity } from '../authentication/chain.ts';
import type { AuthorizedSubject } from '../authorization/authorizer.ts';
import { DecisionCache } from '../authorization/cache.ts';
import type { Timer } from '../clock.ts';
import type { Session } from '../sessions/session.ts';

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

/** EMQX's names for its listeners and their zones. */
export interface ListenerIdentity {
  listener: 'tcp:default' | 'tcp:server';
  zone: 'default' | 'server';
}

const NOBODY: Identity = { isSuperuser: false, acl: null, expireAtMs: null };

/** One TCP connection. The fields below the constructor's are filled in as CONNECT is worked through. */
export class Connection implements AuthorizedSubject {
  readonly socket: Socket;
  readonly listener: ListenerIdentity['listener'];
  readonly zone: ListenerIdentity['zone'];
  readonly address: string;
  readonly port: number;
  readonly localPort: number;
  readonly decisions = new DecisionCache();

  client: Client | null = null;
  clientId = '';
  username: string | undefined;
  identity: Identity = NOBODY;
  protocolVersion = 4;
  protocolName = 'MQTT';
  keepaliveSeconds = 0;
  cleanStart = true;
  /** Connected with the bridge bit of the protocol level, an extension of MQTT 3.1.1 that EMQX knows. */
  bridge = false;
  session: Session | null = null;
  /** Unix milliseconds of the CONNACK; null before. */
  connectedAtMs: number | null = null;
  disconnectedAtMs: number | null = null;
  /** Known before the socket closes; what the client or the broker did first counts. */
  reason: DisconnectReason | null = null;
  expiryTimer: Timer | null = null;
  ended = false;
  receivedPackets = 0;
  receivedMessages = 0;
  sentMessages = 0;

  constructor(socket: Socket, { listener, zone }: ListenerIdentity) {
    this.socket = socket;
    this.listener = listener;
    this.zone = zone;
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    this.port = socket.remotePort ?? 0;
    this.localPort = socket.localPort ?? 0;
  }

  write(packet: Buffer): void {
    if (!this.ended && this.socket.writable) this.socket.write(packet);
  }
}
