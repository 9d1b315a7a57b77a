import { type Action, firstMatch, type Permission, type Rule, type Subject } from './rules.ts';

/** The rules of EMQX's built-in database: for all clients, and per client id. */
export class RuleStore {
  readonly clients = new Map<string, readonly Rule[]>();
  all: readonly Rule[] = [];

  clear(): void {
    this.clients.clear();
    this.all = [];
  }

  /** Tried in EMQX's order: the client's rules, then those for all. */
  decide(subject: Subject, action: Action, topic: string): Permission | null {
    const own = this.clients.get(subject.clientId);
    return (own && firstMatch(own, subject, action, topic)) ?? firstMatch(this.all, subject, action, topic);
  }
}
