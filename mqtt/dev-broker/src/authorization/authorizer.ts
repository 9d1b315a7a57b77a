import type { Clock } from '../clock.ts';
import { parseDurationMs } from '../quantities.ts';
import { matchWords } from '../topics.ts';
import type { DecisionCache } from './cache.ts';
import type { Identity } from './identity.ts';
import { RuleStore } from './rule-store.ts';
import { type Action, firstMatch, type Permission, type Subject } from './rules.ts';

/** `GET /authorization/settings`. */
export interface AuthorizationSettings {
  no_match: Permission;
  deny_action: 'ignore' | 'disconnect';
  cache: { enable: boolean; max_size: number; ttl: string; excludes: string[] };
}

export interface DatabaseSource {
  type: 'built_in_database';
  enable: boolean;
  max_rules: number;
}

/** Only the last rule of a file is understood, and only as `{allow, all}.` or `{deny, all}.`. */
export interface FileSource {
  type: 'file';
  enable: boolean;
  rules: string;
}

export type AuthorizationSource = DatabaseSource | FileSource;

/** Who asks: the identity is what the credentials brought along, the cache belongs to the connection. */
export interface AuthorizedSubject extends Subject {
  identity: Identity;
  decisions: DecisionCache;
}

/** EMQX's authorization: token, then the enabled sources in order, then `no_match`; all behind the cache. */
export class Authorizer {
  readonly rules = new RuleStore();
  sources: AuthorizationSource[];
  private readonly clock: Clock;
  private current: AuthorizationSettings;
  private ttlMs: number;

  constructor(clock: Clock, settings: AuthorizationSettings, sources: AuthorizationSource[]) {
    this.clock = clock;
    this.current = settings;
    this.ttlMs = ttlOf(settings);
    this.sources = sources;
  }

  get settings(): AuthorizationSettings {
    return this.current;
  }

  set settings(settings: AuthorizationSettings) {
    this.current = settings;
    this.ttlMs = ttlOf(settings);
  }

  source(type: string): AuthorizationSource | undefined {
    return this.sources.find((source) => source.type === type);
  }

  /** A delayed message is asked for by the topic that it is for. */
  allows(subject: AuthorizedSubject, action: Action, name: string): boolean {
    const topic = name.replace(/^(\$delayed\/[^/]*\/)+/, '');
    const { cache } = this.settings;
    if (!cache.enable || isExcluded(topic, cache.excludes)) {
      return this.decide(subject, action, topic) === 'allow';
    }
    const limits = { maxSize: cache.max_size, ttlMs: this.ttlMs, nowMs: this.clock.now() };
    const known = subject.decisions.get(action, topic, limits);
    if (known) return known === 'allow';
    const result = this.decide(subject, action, topic);
    subject.decisions.put(action, topic, result, limits);
    return result === 'allow';
  }

  private decide(subject: AuthorizedSubject, action: Action, topic: string): Permission {
    const { identity } = subject;
    if (identity.isSuperuser) return 'allow';
    return (
      this.decideByToken(subject, action, topic) ??
      this.decideBySources(subject, action, topic) ??
      this.settings.no_match
    );
  }

  private decideByToken(subject: AuthorizedSubject, action: Action, topic: string): Permission | null {
    const { acl } = subject.identity;
    if (!acl) return null;
    if (acl.expiresAt !== null && acl.expiresAt <= Math.floor(this.clock.now() / 1000)) return 'deny';
    return firstMatch(acl.rules, subject, action, topic) ?? (acl.exhaustive ? 'deny' : null);
  }

  private decideBySources(subject: Subject, action: Action, topic: string): Permission | null {
    for (const source of this.sources) {
      if (!source.enable) continue;
      const result =
        source.type === 'file' ? decideByFile(source.rules) : this.rules.decide(subject, action, topic);
      if (result) return result;
    }
    return null;
  }
}

function ttlOf({ cache }: AuthorizationSettings): number {
  return parseDurationMs(cache.ttl) ?? 60_000;
}

function decideByFile(rules: string): Permission | null {
  const lines = rules.split('\n').map((line) => line.replace(/%.*$/, '').trim());
  const last = lines.filter((line) => line !== '').at(-1);
  const match = last && /\{\s*(allow|deny)\s*,\s*all\s*\}\s*\.$/.exec(last);
  return match ? (match[1] === 'allow' ? 'allow' : 'deny') : null;
}

function isExcluded(topic: string, filters: readonly string[]): boolean {
  return filters.some((filter) => matchWords(topic.split('/'), filter.split('/')));
}
