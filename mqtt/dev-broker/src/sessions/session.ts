import type { Client, Delivery, Outlet } from './client.ts';
import { isExpired, type Message } from './message.ts';
import { MessageQueue } from './message-queue.ts';
import type { ShareGroup, Subscriber, Subscription } from './subscriptions.ts';

export interface SessionLimits {
  maxInflight: number;
  maxQueue: number;
  /** The higher of the two levels of service is used instead of the lower (`upgrade_qos` of the zone). */
  upgradeQos: boolean;
}

interface QueuedDelivery extends Delivery {
  /** The share group that chose this session, so that another member can be chosen when the session ends. */
  group: ShareGroup | null;
}

interface InflightDelivery extends QueuedDelivery {
  /** PUBREC has come; PUBREL is what is repeated from then on. */
  released: boolean;
}

/** How many acknowledged deliveries can be given again after a take-over. */
const REMEMBERED = 64;

/**
 * What EMQX keeps of a client: subscriptions, unacknowledged messages and a queue. It outlives connections
 * when it is persistent. At most `maxInflight` messages are sent without an acknowledgement; the rest waits.
 */
export class Session implements Subscriber {
  readonly clientId: string;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  readonly subscriptions = new Map<string, Subscription>();
  /** QoS 2 messages of the client that wait for its PUBREL. */
  readonly awaitingRelease = new Set<number>();
  limits: SessionLimits;
  /** Who uses or last used the session. */
  client: Client;
  /** Messages that a full queue gave up. */
  dropped = 0;
  /** Messages that expired in the queue. */
  expired = 0;
  private readonly inflight = new Map<number, InflightDelivery>();
  private readonly queue: MessageQueue<QueuedDelivery>;
  private readonly now: () => number;
  private acknowledged: [packetId: number, delivery: InflightDelivery][] = [];
  private nextId = 1;
  private outlet: Outlet | null = null;

  constructor(client: Client, limits: SessionLimits, now: () => number) {
    this.clientId = client.clientId;
    this.client = client;
    this.limits = limits;
    this.now = now;
    this.createdAtMs = now();
    this.queue = new MessageQueue(limits.maxQueue);
  }

  get persistent(): boolean {
    return this.client.expiryMs > 0;
  }

  get inflightCount(): number {
    return this.inflight.size;
  }

  get queueLength(): number {
    return this.queue.length;
  }

  get maxInflight(): number {
    return Math.min(this.limits.maxInflight, this.client.receiveMaximum);
  }

  /** CONNACK is out: what was not acknowledged comes again, then what has arrived meanwhile. */
  goOnline(): void {
    this.outlet = this.client;
    for (const [packetId, delivery] of this.inflight) {
      if (delivery.released) this.outlet.sendPubrel(packetId);
      else this.outlet.sendPublish(delivery, packetId, true);
    }
    this.sendQueued();
  }

  goOffline(): void {
    this.outlet = null;
  }

  /** Puts the last acknowledged deliveries back, as a take-over does with acknowledgements that were under way. */
  forgetAcknowledgements(count: number): void {
    const again = this.acknowledged.slice(this.acknowledged.length - count);
    const unacknowledged = [...this.inflight];
    this.inflight.clear();
    for (const [packetId, delivery] of [...again, ...unacknowledged]) this.inflight.set(packetId, delivery);
    this.acknowledged = [];
  }

  deliver(message: Message, subscription: Subscription, group: ShareGroup | null): void {
    if (subscription.noLocal && message.from === this.clientId) return;
    const publishedHigher = message.qos > subscription.qos;
    const qos = publishedHigher === this.limits.upgradeQos ? message.qos : subscription.qos;
    const retain = message.stored === true || (message.retain && subscription.retainAsPublished);
    const delivery = { message, qos, retain, group };
    if (this.outlet && (qos === 0 || this.inflight.size < this.maxInflight)) this.send(this.outlet, delivery);
    else if (this.queue.push(delivery)) this.dropped++;
  }

  /** PUBACK or PUBCOMP. */
  acknowledge(packetId: number): void {
    const delivery = this.inflight.get(packetId);
    if (!delivery) return;
    this.inflight.delete(packetId);
    if (delivery.qos === 1) {
      this.acknowledged.push([packetId, delivery]);
      if (this.acknowledged.length > REMEMBERED) this.acknowledged.shift();
    }
    this.sendQueued();
  }

  /** PUBREC; false when nothing of that id waits. */
  release(packetId: number): boolean {
    const delivery = this.inflight.get(packetId);
    if (delivery) delivery.released = true;
    return delivery !== undefined;
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
    while (this.outlet && this.queue.length > 0 && this.inflight.size < this.maxInflight) {
      const delivery = this.queue.shift();
      if (delivery && isExpired(delivery.message, this.now())) this.expired++;
      else if (delivery) this.send(this.outlet, delivery);
    }
  }

  private send(outlet: Outlet, delivery: QueuedDelivery): void {
    if (delivery.qos === 0) {
      outlet.sendPublish(delivery, 0, false);
      return;
    }
    const packetId = this.takePacketId();
    this.inflight.set(packetId, { ...delivery, released: false });
    outlet.sendPublish(delivery, packetId, false);
  }

  private takePacketId(): number {
    while (this.inflight.has(this.nextId)) this.nextId = (this.nextId % 65_535) + 1;
    const packetId = this.nextId;
    this.nextId = (this.nextId % 65_535) + 1;
    return packetId;
  }
}
