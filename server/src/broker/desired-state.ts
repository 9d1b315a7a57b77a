import { topicsOfDevice } from '../../contract/topics.ts';
import type { AclEntry } from '../tokens/token.ts';

/** A rule of EMQX's built-in authorization database; topics may hold `${clientid}`. */
export interface Rule extends AclEntry {}

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
}

const MAX_RULES = 10_000;

/** Computes the desired state of the broker. Pure: no clock, no I/O. */
export function desiredState(jwtSecret: string): DesiredState {
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
    rulesForAll: topicsOfDevice('${clientid}').map(({ topic, action }) => ({
      topic,
      permission: 'allow',
      action,
    })),
  };
}

/** Whether two lists hold the same rules in the same order; order decides, since the first match wins. */
export function sameRules(left: readonly Rule[], right: readonly Rule[]): boolean {
  return (
    left.length === right.length &&
    left.every((rule, index) => {
      const other = right[index];
      return (
        rule.topic === other?.topic && rule.permission === other.permission && rule.action === other.action
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
