import { AuthenticatorChain } from './authentication/chain.ts';
import type { AuthorizedSubject } from './authorization/authorizer.ts';
import { Authorizer } from './authorization/authorizer.ts';
import type { Qos } from './authorization/rules.ts';
import { BanTable } from './bans.ts';
import type { Clock, Timer } from './clock.ts';
import {
  defaultGlobalZone,
  type GlobalZone,
  serverZoneLimits,
  type ZoneLimits,
  zoneLimits,
} from './configuration/global-zone.ts';
import {
  type Profile,
  profileAuthenticators,
  profileSettings,
  profileSources,
} from './configuration/profile.ts';
import { connectedEvent, disconnectedEvent } from './mqtt/client-events.ts';
import type { Connection, DisconnectReason } from './mqtt/connection.ts';
import type { Message } from './sessions/message.ts';
import { RetainedMessages } from './sessions/retained.ts';
import { Session } from './sessions/session.ts';
import { SubscriptionTable } from './sessions/subscriptions.ts';
import { isTopicName, type ParsedFilter } from './topics.ts';

/** The broker's state and what happens to it. MQTT and REST both work on this, neither knows the other. */
export class BrokerCore {
  readonly clock: Clock;
  readonly startedAtMs: number;
  readonly chain = new AuthenticatorChain();
  readonly authorizer: Authorizer;
  readonly bans: BanTable;
  readonly retained = new RetainedMessages();
  readonly subscriptions = new SubscriptionTable();
  /** By client id, those without a connection included. */
  readonly sessions = new Map<string, Session>();
  readonly connections = new Set<Connection>();
  closed = false;
  private zone: GlobalZone;
  private limits: Record<Connection['zone'], ZoneLimits>;
  private readonly expiries = new Map<Session, Timer>();

  constructor(clock: Clock, profile: Profile) {
    this.clock = clock;
    this.startedAtMs = clock.now();
    this.bans = new BanTable(clock);
    this.authorizer = new Authorizer(clock, profileSettings(profile), profileSources(profile));
    for (const authenticator of profileAuthenticators(profile)) this.chain.append(authenticator);
    this.zone = defaultGlobalZone(profile);
    this.limits = limitsOf(this.zone);
  }

  get globalZone(): GlobalZone {
    return this.zone;
  }

  set globalZone(zone: GlobalZone) {
    this.zone = zone;
    this.limits = limitsOf(zone);
  }

  limitsFor(connection: Connection): ZoneLimits {
    return this.limits[connection.zone];
  }

  /** Gives an authenticated connection its session; whoever had the client id before is put out. */
  openSession(connection: Connection): void {
    const known = this.sessions.get(connection.clientId);
    if (known && !known.connection.ended) {
      this.endConnection(known.connection, connection.cleanStart ? 'discarded' : 'takenover');
    }
    const old = this.sessions.get(connection.clientId);
    if (old && !connection.cleanStart) {
      this.keepAlive(old);
      old.connection = connection;
      old.persistent = true;
      old.resumed = true;
      connection.session = old;
      return;
    }
    if (old) this.destroySession(old, 'discarded');
    const { maxInflight, maxQueue, sessionExpiryMs } = this.limitsFor(connection);
    const session = new Session(
      connection,
      { maxInflight, maxQueue, expiryMs: sessionExpiryMs },
      this.clock.now(),
    );
    this.sessions.set(session.clientId, session);
    connection.session = session;
  }

  /** CONNACK is out: the client is announced and gets what waits for it. */
  connectionReady(connection: Connection): void {
    if (connection.ended || !connection.session) return;
    const now = this.clock.now();
    connection.connectedAtMs = now;
    const { expireAtMs } = connection.identity;
    if (expireAtMs !== null) {
      connection.expiryTimer = this.clock.setTimer(
        () => this.endConnection(connection, 'not_authorized'),
        expireAtMs - now,
      );
    }
    connection.session.goOnline();
    this.subscriptions.dispatch(connectedEvent(connection, now));
  }

  /** Ends a connection from this side, or books that the other side has ended it. */
  endConnection(connection: Connection, reason: DisconnectReason): void {
    if (connection.ended) return;
    connection.ended = true;
    connection.reason ??= reason;
    connection.expiryTimer?.cancel();
    connection.disconnectedAtMs = this.clock.now();
    this.connections.delete(connection);
    const { session } = connection;
    if (session && session.connection === connection) {
      session.goOffline();
      if (session.persistent && session.limits.expiryMs > 0) this.expireLater(session);
      else this.destroySession(session, connection.reason);
    }
    if (connection.connectedAtMs !== null) {
      this.subscriptions.dispatch(disconnectedEvent(connection, connection.disconnectedAtMs));
    }
    // Publishes the will, where there is one, and closes the socket.
    connection.client?.close();
    connection.socket.destroy();
  }

  /** Ends a client and its session; false when there is none. */
  kick(clientId: string): boolean {
    const session = this.sessions.get(clientId);
    if (!session) return false;
    this.endConnection(session.connection, 'kicked');
    this.destroySession(session, 'kicked');
    return true;
  }

  /** False when nobody subscribed. */
  publish(message: Message): boolean {
    return this.subscriptions.dispatch(message);
  }

  subscribe(session: Session, filter: ParsedFilter, qos: Qos): void {
    const noLocal = this.limitsFor(session.connection).ignoreLoopDeliver;
    const subscription = { ...filter, qos, noLocal, retainAsPublished: session.connection.bridge };
    this.subscriptions.add(session, subscription);
    if (filter.group !== null) return;
    for (const message of this.retained.matching(filter.filter)) session.deliver(message, subscription, null);
  }

  /** Whether a will may be published: neither by a banned client nor against the rules. */
  allowsWill(
    connection: Connection & AuthorizedSubject,
    message: { topic: string; qos: Qos; retain: boolean },
  ) {
    return (
      isTopicName(message.topic) &&
      !this.bans.isBanned(connection) &&
      this.authorizer.allows(
        connection,
        { type: 'publish', qos: message.qos, retain: message.retain },
        message.topic,
      )
    );
  }

  /** Connections whose CONNECT was accepted. */
  get liveConnections(): number {
    let live = 0;
    for (const { connectedAtMs } of this.connections) if (connectedAtMs !== null) live++;
    return live;
  }

  dropConnections(): void {
    for (const connection of [...this.connections]) this.endConnection(connection, 'tcp_closed');
  }

  /** Ends every connection; none is taken any more. */
  close(): void {
    this.closed = true;
    this.dropConnections();
    for (const timer of this.expiries.values()) timer.cancel();
    this.expiries.clear();
  }

  private expireLater(session: Session): void {
    if (session.limits.expiryMs === Number.POSITIVE_INFINITY) return;
    this.expiries.set(
      session,
      this.clock.setTimer(() => this.destroySession(session, 'expired'), session.limits.expiryMs),
    );
  }

  private keepAlive(session: Session): void {
    this.expiries.get(session)?.cancel();
    this.expiries.delete(session);
  }

  /** Ends a session; what a share group gave it goes to another member, except after a kick. */
  private destroySession(session: Session, reason: DisconnectReason | 'expired'): void {
    this.keepAlive(session);
    this.subscriptions.removeAll(session);
    if (this.sessions.get(session.clientId) === session) this.sessions.delete(session.clientId);
    const shared = session.drainShared();
    if (reason === 'kicked' || reason === 'takenover') return;
    for (const { message, group } of shared) group.dispatch(message);
  }
}

function limitsOf(zone: GlobalZone): Record<Connection['zone'], ZoneLimits> {
  return { default: zoneLimits(zone), server: serverZoneLimits(zone) };
}
