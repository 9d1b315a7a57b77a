import { type Action, firstMatch, type Permission, type Rule, type Subject } from './rules.ts';

/** The rules of EMQX's built-in database: for all clients, per client id and per user name. */
export class RuleStore {
  readonly clients = new Map<string, readonly Rule[]>();
  readonly users = new Map<string, readonly Rule[]>();
  all: readonly Rule[] = [];

  clear(): void {
    this.clients.clear();
    this.users.clear();
    this.all = [];
  }

  /** Tried in EMQX's order: the client's rules, the user's, then those for all. */
  decide(subject: Subject, action: Action, topic: string): Permission | null {
    const own = this.clients.get(subject.clientId);
    const users = subject.username === undefined ? undefined : this.users.get(subject.username);
    return (
      (own && firstMatch(own, subject, action, topic)) ??
      (users && firstMatch(users, subject, action, topic)) ??
      firstMatch(this.all, subject, action, topic)
    );
  }
}
