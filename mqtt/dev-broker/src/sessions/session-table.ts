import type { Clock, Timer } from '../clock.ts';
import type { Client } from './client.ts';
import { Session, type SessionLimits } from './session.ts';
import type { SubscriptionTable } from './subscriptions.ts';

/** The sessions by client id, those without a connection included, and when they expire. */
export class SessionTable {
  private readonly sessions = new Map<string, Session>();
  private readonly expiries = new Map<Session, Timer>();
  private readonly clock: Clock;
  private readonly subscriptions: SubscriptionTable;

  constructor(clock: Clock, subscriptions: SubscriptionTable) {
    this.clock = clock;
    this.subscriptions = subscriptions;
  }

  get size(): number {
    return this.sessions.size;
  }

  get(clientId: string): Session | undefined {
    return this.sessions.get(clientId);
  }

  values(): Iterable<Session> {
    return this.sessions.values();
  }

  create(client: Client, limits: SessionLimits): Session {
    const session = new Session(client, limits, () => this.clock.now());
    this.sessions.set(session.clientId, session);
    return session;
  }

  resume(session: Session, client: Client, limits: SessionLimits): void {
    this.keep(session);
    session.client = client;
    session.limits = limits;
  }

  expireLater(session: Session, expire: () => void): void {
    const { expiryMs } = session.client;
    if (expiryMs !== Number.POSITIVE_INFINITY) {
      this.expiries.set(session, this.clock.setTimer(expire, expiryMs));
    }
  }

  /** Ends a session; gives what others of its share groups may take over. */
  end(session: Session): ReturnType<Session['drainShared']> {
    this.keep(session);
    session.goOffline();
    this.subscriptions.removeAll(session);
    if (this.sessions.get(session.clientId) === session) this.sessions.delete(session.clientId);
    return session.drainShared();
  }

  clear(): void {
    for (const session of [...this.sessions.values()]) this.end(session);
  }

  private keep(session: Session): void {
    this.expiries.get(session)?.cancel();
    this.expiries.delete(session);
  }
}
