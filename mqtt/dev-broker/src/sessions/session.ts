import type { Qos } from '../authorization/rules.ts';
import type { Connection } from '../mqtt/connection.ts';
import { encodePublish, encodePubrel, type Message } from './message.ts';
import { MessageQueue } from './message-queue.ts';
import type { ShareGroup, Subscription } from './subscriptions.ts';

export interface SessionLimits {
  maxInflight: number;
  maxQueue: number;
  /** How long a persistent session outlives its connection. */
  expiryMs: number;
}

interface Delivery {
  message: Message;
  qos: Qos;
  /** The share group that chose this session, so that another member can be chosen when the session ends. */
  group: ShareGroup | null;
}

interface InflightDelivery extends Delivery {
  /** PUBREC has come; PUBREL is what is repeated from then on. */
  released: boolean;
}

/**
 * What EMQX keeps of a client: subscriptions, unacknowledged messages and a queue. It outlives connections
 * when it is persistent. At most `maxInflight` messages are sent without an acknowledgement; the rest waits.
 */
export class Session {
  readonly clientId: string;
  readonly limits: SessionLimits;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  readonly subscriptions = new Map<string, Subscription>();
  /** The connection that uses or last used the session. */
  connection: Connection;
  persistent: boolean;
  /** A connection has taken the session over from an earlier one. */
  resumed = false;
  /** QoS 2 messages of the client that wait for its PUBREL. */
  readonly awaitingRelease = new Set<number>();
  dropped = 0;
  private readonly inflight = new Map<number, InflightDelivery>();
  private readonly queue: MessageQueue<Delivery>;
  private nextId = 1;
  private online = false;

  constructor(connection: Connection, limits: SessionLimits, createdAtMs: number) {
    this.clientId = connection.clientId;
    this.connection = connection;
    this.persistent = !connection.cleanStart;
    this.limits = limits;
    this.createdAtMs = createdAtMs;
    this.queue = new MessageQueue(limits.maxQueue);
  }

  get isOnline(): boolean {
    return this.online;
  }

  get inflightCount(): number {
    return this.inflight.size;
  }

  get queueLength(): number {
    return this.queue.length;
  }

  /** CONNACK is out: what was not acknowledged comes again, then what has arrived meanwhile. */
  goOnline(): void {
    this.online = true;
    for (const [packetId, delivery] of this.inflight) {
      this.connection.write(
        delivery.released
          ? encodePubrel(packetId)
          : encodePublish(delivery.message, delivery.qos, packetId, true),
      );
    }
    this.sendQueued();
  }

  goOffline(): void {
    this.online = false;
  }

  deliver(published: Message, subscription: Subscription, group: ShareGroup | null): void {
    if (subscription.noLocal && published.from === this.clientId) return;
    const showsFlag = subscription.retainAsPublished && published.retainAsPublished === true;
    const message = showsFlag ? { ...published, retain: true } : published;
    const { qos } = message.qos < subscription.qos ? message : subscription;
    if (this.online && (qos === 0 || this.inflight.size < this.limits.maxInflight)) {
      this.send({ message, qos, group });
    } else if (this.queue.push({ message, qos, group })) {
      this.dropped++;
    }
  }

  /** PUBACK or PUBCOMP. */
  acknowledge(packetId: number): void {
    if (this.inflight.delete(packetId) && this.online) this.sendQueued();
  }

  /** PUBREC. */
  release(packetId: number): void {
    const delivery = this.inflight.get(packetId);
    if (delivery) delivery.released = true;
  }

  /** Empties the session and gives what another member of a share group may take over. */
  drainShared(): { message: Message; group: ShareGroup }[] {
    const unacknowledged = [...this.inflight.values()].filter((delivery) => delivery.qos === 1);
    this.inflight.clear();
    return [...unacknowledged, ...this.queue.drain()].flatMap(({ message, qos, group }) =>
      group && qos > 0 ? [{ message, group }] : [],
    );
  }

  private sendQueued(): void {
    while (this.queue.length > 0 && this.inflight.size < this.limits.maxInflight) {
      const delivery = this.queue.shift();
      if (delivery) this.send(delivery);
    }
  }

  private send(delivery: Delivery): void {
    this.connection.sentMessages++;
    if (delivery.qos === 0) {
      this.connection.write(encodePublish(delivery.message, 0, 0, false));
      return;
    }
    const packetId = this.takePacketId();
    this.inflight.set(packetId, { ...delivery, released: false });
    this.connection.write(encodePublish(delivery.message, delivery.qos, packetId, false));
  }

  private takePacketId(): number {
    while (this.inflight.has(this.nextId)) this.nextId = (this.nextId % 65_535) + 1;
    const packetId = this.nextId;
    this.nextId = (this.nextId % 65_535) + 1;
    return packetId;
  }
}
