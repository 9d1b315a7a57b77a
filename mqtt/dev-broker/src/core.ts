import { randomBytes } from 'node:crypto';
import { AuthenticatorChain } from './authentication/chain.ts';
import {
  type AuthorizationSettings,
  type AuthorizationSource,
  Authorizer,
} from './authorization/authorizer.ts';
import type { Qos } from './authorization/rules.ts';
import { BanTable } from './bans.ts';
import type { Clock } from './clock.ts';
import type { Configuration } from './configuration/configuration.ts';
import type { ZoneLimits } from './configuration/global-zone.ts';
import { clientEvent } from './events.ts';
import type { Client, DisconnectReason } from './sessions/client.ts';
import { DelayedMessages } from './sessions/delayed.ts';
import type { Message } from './sessions/message.ts';
import { RetainedMessages } from './sessions/retained.ts';
import type { Session } from './sessions/session.ts';
import { SessionTable } from './sessions/session-table.ts';
import { SubscriptionTable } from './sessions/subscriptions.ts';
import { WillStore } from './sessions/wills.ts';
import { isTopicName, type ParsedFilter } from './topics.ts';

export interface CoreOptions {
  clock: Clock;
  configuration: Configuration;
  settings: AuthorizationSettings;
  sources: AuthorizationSource[];
}

/** How a client subscribes, MQTT 5's options included. */
export interface SubscribeOptions {
  qos: Qos;
  noLocal: boolean;
  retainAsPublished: boolean;
  retainHandling: 0 | 1 | 2;
}

/** The broker's state and what happens to it. MQTT and REST both work on this, neither knows the other. */
export class BrokerCore {
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly chain = new AuthenticatorChain();
  readonly authorizer: Authorizer;
  readonly bans: BanTable;
  readonly retained: RetainedMessages;
  readonly subscriptions = new SubscriptionTable();
  readonly sessions: SessionTable;
  readonly clients = new Set<Client>();
  readonly startedAtMs: number;
  /** Neither booted nor booting: no connection is taken. */
  down = false;
  /** False while the broker boots: until then every CONNECT is accepted, as by EMQX. */
  authenticates = true;
  /** How many acknowledged messages come again at a take-over. */
  forgottenAcknowledgements = 0;
  private readonly delayed: DelayedMessages;
  private readonly wills: WillStore;

  constructor({ clock, configuration, settings, sources }: CoreOptions) {
    const now = () => clock.now();
    this.clock = clock;
    this.configuration = configuration;
    this.startedAtMs = clock.now();
    this.bans = new BanTable(clock);
    this.authorizer = new Authorizer(clock, settings, sources);
    this.retained = new RetainedMessages(now, newId);
    this.sessions = new SessionTable(clock, this.subscriptions);
    this.delayed = new DelayedMessages(clock, (message) => this.publish(message));
    this.wills = new WillStore(clock, (client, message) => this.publishWill(client, message));
  }

  limitsFor(client: Pick<Client, 'zone'>): ZoneLimits {
    return this.configuration.limitsOf(client.zone);
  }

  /** Gives an authenticated client its session; whoever had the client id before is put out. */
  openSession(client: Client): { session: Session; present: boolean } {
    const known = this.sessions.get(client.clientId);
    const takesOver = known !== undefined && !known.client.ended;
    if (takesOver) this.endClient(known.client, client.cleanStart ? 'discarded' : 'takenover');
    const { maxInflight, maxQueue, upgradeQos } = this.limitsFor(client);
    const old = this.sessions.get(client.clientId);
    if (old && !client.cleanStart) {
      this.wills.cancel(client.clientId);
      if (takesOver) old.forgetAcknowledgements(this.forgottenAcknowledgements);
      // The zone's values count from each CONNECT on, but for the length of the queue.
      this.sessions.resume(old, client, { ...old.limits, maxInflight, upgradeQos });
      return { session: old, present: true };
    }
    if (old) this.endSession(old, 'discarded');
    const session = this.sessions.create(client, { maxInflight, maxQueue, upgradeQos });
    return { session, present: false };
  }

  /** CONNACK is out: the client is announced and gets what waits for it. */
  clientReady(client: Client, session: Session): void {
    client.connectedAtMs = this.clock.now();
    session.goOnline();
    this.announce('client_connected', client);
  }

  /** Ends a connection from this side, or books that the other side has ended it. */
  endClient(client: Client, reason: DisconnectReason): void {
    if (client.ended) return;
    client.ended = true;
    client.reason ??= reason;
    client.disconnectedAtMs = this.clock.now();
    this.clients.delete(client);
    const session = this.sessions.get(client.clientId);
    const own = session?.client === client ? session : undefined;
    own?.goOffline();
    // The will comes first, then the event, as EMQX has it.
    if (client.connectedAtMs !== null) this.wills.connectionEnded(client);
    if (own?.persistent) this.sessions.expireLater(own, () => this.endSession(own, 'expired'));
    else if (own) this.endSession(own, client.reason);
    if (client.connectedAtMs !== null) this.announce('client_disconnected', client);
    client.close();
  }

  /** Ends a client and its session; false when there is none. */
  kick(clientId: string): boolean {
    const session = this.sessions.get(clientId);
    if (!session) return false;
    this.endClient(session.client, 'kicked');
    this.endSession(session, 'kicked');
    return true;
  }

  /** What `force_shutdown` does: the session and its queue are gone, and no event tells of it. */
  killSession(clientId: string): boolean {
    const session = this.sessions.get(clientId);
    if (!session) return false;
    const { client } = session;
    client.ended = true;
    this.clients.delete(client);
    this.sessions.end(session);
    client.close();
    return true;
  }

  /** False when nobody subscribed. */
  publish(message: Message): boolean {
    const { retainer, delayed } = this.configuration.current;
    if (delayed.enable && this.delayed.take(message)) return false;
    if (message.retain && retainer.enable) this.retained.store(message);
    return this.subscriptions.dispatch(message);
  }

  /** Whether messages may be delayed. Those that are waiting are lost when they may not any more. */
  allowDelayed(settings: { enable?: boolean | undefined; max_delayed_messages?: number | undefined }): void {
    this.configuration.change({ delayed: settings });
    if (!this.configuration.current.delayed.enable) this.delayed.clear();
  }

  subscribe(session: Session, filter: ParsedFilter, options: SubscribeOptions): void {
    const subscription = { ...filter, ...options };
    const isNew = !session.subscriptions.has(filter.raw);
    this.subscriptions.add(session, subscription);
    this.announce('client_subscribed', session.client, {
      topic: filter.raw,
      subopts: {
        qos: options.qos,
        nl: Number(options.noLocal),
        rap: Number(options.retainAsPublished),
        rh: options.retainHandling,
        is_new: isNew,
      },
    });
    const wantsRetained = options.retainHandling === 0 || (options.retainHandling === 1 && isNew);
    if (filter.group !== null || !wantsRetained) return;
    for (const message of this.retained.matching(filter.filter)) session.deliver(message, subscription, null);
  }

  /** False when there was no such subscription. */
  unsubscribe(session: Session, raw: string): boolean {
    const known = this.subscriptions.remove(session, raw);
    if (known) this.announce('client_unsubscribed', session.client, { topic: raw });
    return known;
  }

  /** Connections whose CONNECT was accepted. */
  connectionsOn(listener: string): number {
    let count = 0;
    for (const client of this.clients) {
      if (client.listener === listener && client.connectedAtMs !== null) count++;
    }
    return count;
  }

  dropConnections(): void {
    for (const client of [...this.clients]) this.endClient(client, 'tcp_closed');
  }

  /** Ends every connection and session; what is configured stays. */
  shutDown(): void {
    this.down = true;
    for (const client of [...this.clients]) {
      client.ended = true;
      client.close();
    }
    this.clients.clear();
    this.wills.clear();
    this.sessions.clear();
    if (this.configuration.current.retainer.backend.storage_type === 'ram') this.retained.clear();
  }

  private announce(
    event: keyof typeof this.configuration.current.sys_topics.sys_event_messages,
    client: Client,
    details: Record<string, unknown> = {},
  ): void {
    if (!this.configuration.current.sys_topics.sys_event_messages[event]) return;
    this.subscriptions.dispatch(clientEvent(event, client, this.clock.now(), details));
  }

  /** A will is published neither by a banned client nor against the rules. */
  private publishWill(client: Client, message: Message): void {
    const action = { type: 'publish', qos: message.qos, retain: message.retain } as const;
    if (!isTopicName(message.topic) || this.bans.isBanned(client)) return;
    if (this.authorizer.allows(client, action, message.topic)) this.publish(message);
  }

  /** Ends a session; what a share group gave it goes to another member, except after a kick. */
  private endSession(session: Session, reason: DisconnectReason | 'expired'): void {
    this.wills.sessionEnded(session.clientId);
    const shared = this.sessions.end(session);
    if (reason === 'kicked' || reason === 'takenover') return;
    for (const { message, group } of shared) group.dispatch(message);
  }
}

/** A message id as EMQX shows them. */
export function newId(): string {
  return randomBytes(16).toString('hex').toUpperCase();
}
