import type { Authenticator } from '../authentication/chain.ts';
import type { AuthorizationSettings, AuthorizationSource } from '../authorization/authorizer.ts';

/**
 * `image`: what the broker image's `base.hocon` gives, which refuses everyone until it is provisioned.
 * `stock`: EMQX's own defaults, which let everyone in; the exchanges were recorded on them.
 */
export type Profile = 'image' | 'stock';

/** The rules of the stock file source. Of these only the last line is acted on. */
const STOCK_ACL = `%%-------------- Default ACL rules -------------------------------------------------------

{allow, {username, {re, "^dashboard$"}}, subscribe, ["$SYS/#"]}.

{allow, {ipaddr, "127.0.0.1"}, all, ["$SYS/#", "#"]}.

{deny, all, subscribe, ["$SYS/#", {eq, "#"}, {eq, "+/#"}]}.

{allow, all}.
`;

export function profileAuthenticators(profile: Profile): Authenticator[] {
  if (profile === 'stock') return [];
  return [
    {
      mechanism: 'password_based',
      backend: 'built_in_database',
      enable: true,
      user_id_type: 'username',
      password_hash_algorithm: { name: 'sha256', salt_position: 'prefix' },
    },
  ];
}

export function profileSettings(profile: Profile): AuthorizationSettings {
  return {
    no_match: profile === 'image' ? 'deny' : 'allow',
    deny_action: 'ignore',
    cache: { enable: true, max_size: profile === 'image' ? 1024 : 32, ttl: '1m', excludes: [] },
  };
}

export function profileSources(profile: Profile): AuthorizationSource[] {
  return profile === 'image' ? [] : [{ type: 'file', enable: true, rules: STOCK_ACL }];
}
