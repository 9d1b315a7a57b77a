import { topicsOfDevice } from '../../contract/topics.ts';
import type { AclEntry } from '../tokens/token.ts';

/** A rule of EMQX's built-in authorization database; topics may hold `${clientid}`. */
export interface Rule extends AclEntry {
  /** Which publishes it is about: `all` unless given. It says nothing about a subscription. */
  readonly retain?: boolean | 'all' | undefined;
}

/** EMQX's JWT authenticator, as its REST API takes it. */
export interface Authenticator {
  readonly mechanism: 'jwt';
  readonly enable: boolean;
  readonly algorithm: 'hmac-based';
  readonly use_jwks: false;
  readonly secret: string;
  readonly secret_base64_encoded: boolean;
  readonly from: 'password';
  readonly verify_claims: Readonly<Record<string, string>>;
  readonly disconnect_after_expire: boolean;
  readonly acl_claim_name: string;
}

/** An authenticator that knows no user, and so refuses everyone. */
export interface ClosedAuthenticator {
  readonly mechanism: 'password_based';
  readonly backend: 'built_in_database';
  readonly user_id_type: 'username';
  readonly password_hash_algorithm: { readonly name: 'sha256'; readonly salt_position: 'prefix' };
}

/** Messages on the way to one session of the server's. */
export const MAX_INFLIGHT = 2_048;

export const CLOSED: ClosedAuthenticator = {
  mechanism: 'password_based',
  backend: 'built_in_database',
  user_id_type: 'username',
  password_hash_algorithm: { name: 'sha256', salt_position: 'prefix' },
};

export interface AuthorizationSettings {
  readonly no_match: 'allow' | 'deny';
  readonly deny_action: 'ignore' | 'disconnect';
  readonly cache: {
    readonly enable: boolean;
    readonly max_size?: number | undefined;
    readonly ttl?: string | undefined;
  };
}

/** What the broker should hold, whatever it holds now. */
export interface DesiredState {
  readonly authenticator: Authenticator;
  readonly settings: Pick<AuthorizationSettings, 'no_match' | 'deny_action'>;
  /** The least number of rules that one client must be able to have: a master has one for each of its agents. */
  readonly maxRules: number;
  readonly rulesForAll: readonly Rule[];
  /** Listeners of devices, which are closed at boot and opened last. */
  readonly deviceListeners: readonly string[];
  /** Sessions that must be there before devices: what a device sends without them is acknowledged and lost. */
  readonly sessionsFirst: readonly SessionFirst[];
  /** Settings of the zone of the server's own sessions (docs/monitoring.md), as HOCON. */
  readonly zone: string;
}

/** A persistent session of the server, connected or not, that holds what devices send. */
export interface SessionFirst {
  readonly clientId: string;
  readonly filters: readonly string[];
}

export interface DesiredStateOptions {
  /** Whether there is a TLS listener. */
  readonly tls?: boolean;
  /** None unless given. */
  readonly sessionsFirst?: readonly SessionFirst[] | undefined;
}

const MAX_RULES = 10_000;

/** Computes the desired state of the broker. Pure: no clock, no I/O. */
export function desiredState(jwtSecret: string, options: DesiredStateOptions = {}): DesiredState {
  return {
    authenticator: {
      mechanism: 'jwt',
      enable: true,
      algorithm: 'hmac-based',
      use_jwks: false,
      secret: jwtSecret,
      secret_base64_encoded: false,
      from: 'password',
      // EMQX fills the placeholders in, here and in the rules.
      verify_claims: { sub: '${clientid}', username: '${username}' },
      disconnect_after_expire: true,
      acl_claim_name: 'acl',
    },
    settings: { no_match: 'deny', deny_action: 'ignore' },
    maxRules: MAX_RULES,
    rulesForAll: topicsOfDevice('${clientid}').map(({ topic, action }) => allow(topic, action)),
    deviceListeners: ['tcp:default', ...(options.tls ? ['ssl:default'] : [])],
    sessionsFirst: options.sessionsFirst ?? [],
    zone: `zones.server {
  mqtt {
    upgrade_qos = true
    max_inflight = ${MAX_INFLIGHT}
    max_mqueue_len = 100000
    session_expiry_interval = 24h
  }
  force_shutdown { max_heap_size = 2GB, max_mailbox_size = 200000 }
}`,
  };
}

/** Allows a device an action on a topic, but to leave a retained message there: nobody would ever clear it. */
export function allow(topic: string, action: Rule['action']): Rule {
  return { topic, permission: 'allow', action, ...(action === 'subscribe' ? {} : { retain: false }) };
}

/** Whether two lists hold the same rules in the same order; order decides, since the first match wins. */
export function sameRules(left: readonly Rule[], right: readonly Rule[]): boolean {
  return (
    left.length === right.length &&
    left.every((rule, index) => {
      const other = right[index];
      return (
        rule.topic === other?.topic &&
        rule.permission === other.permission &&
        rule.action === other.action &&
        (rule.action === 'subscribe' || (rule.retain ?? 'all') === (other.retain ?? 'all'))
      );
    })
  );
}

/** Whether the rules text of a `file` source (Erlang terms) lets anyone do anything: some tuple begins with allow. */
export function fileSourceOpens(rulesText: string): boolean {
  // Strings first: a percent sign in one begins no comment, and what it holds is no rule.
  const code = rulesText.replace(/"(?:\\.|[^"\\])*"|%.*$/gm, ' ');
  return /\{\s*('?)allow\1\s*[,}]/.test(code);
}
