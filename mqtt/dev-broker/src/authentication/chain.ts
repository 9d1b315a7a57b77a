import type { Identity } from '../authorization/identity.ts';
import { isSuperuserClaim, readAcl } from './claims.ts';
import { verifyToken } from './token.ts';

/** A JWT authenticator as REST stores and shows it. */
export interface JwtAuthenticator {
  mechanism: 'jwt';
  enable: boolean;
  algorithm: 'hmac-based';
  use_jwks: false;
  secret: string;
  secret_base64_encoded: boolean;
  from: 'password' | 'username';
  verify_claims: Record<string, string>;
  disconnect_after_expire: boolean;
  acl_claim_name: string;
}

/** EMQX's own user database. It is modelled without users: whoever asks it is unknown to it. */
export interface DatabaseAuthenticator {
  mechanism: 'password_based';
  backend: 'built_in_database';
  enable: boolean;
  user_id_type: 'username' | 'clientid';
  password_hash_algorithm: Record<string, unknown>;
}

export type Authenticator = JwtAuthenticator | DatabaseAuthenticator;

export interface Credentials {
  clientId: string;
  username: string | undefined;
  password: string | undefined;
}

export type AuthenticationResult =
  | { ok: true; identity: Identity }
  /** CONNACK: 4 and 5 in MQTT 3.1.1, 134 and 135 in MQTT 5. */
  | { ok: false; refusal: 'badUserNameOrPassword' | 'notAuthorized' };

const ANONYMOUS: Identity = { isSuperuser: false, acl: null, expireAtMs: null };

export function authenticatorId(authenticator: Authenticator): string {
  return authenticator.mechanism === 'jwt' ? 'jwt' : 'password_based:built_in_database';
}

/** The ordered authenticators. An empty chain, or one with all of them disabled, lets everyone in. */
export class AuthenticatorChain {
  private entries: Authenticator[] = [];

  list(): readonly Authenticator[] {
    return this.entries;
  }

  get(id: string): Authenticator | undefined {
    return this.entries.find((entry) => authenticatorId(entry) === id);
  }

  append(authenticator: Authenticator): void {
    this.entries.push(authenticator);
  }

  replace(id: string, authenticator: Authenticator): void {
    this.entries = this.entries.map((entry) => (authenticatorId(entry) === id ? authenticator : entry));
  }

  delete(id: string): void {
    this.entries = this.entries.filter((entry) => authenticatorId(entry) !== id);
  }

  /** Puts the chain into this order; the caller has checked that it names each authenticator once. */
  reorder(ids: readonly string[]): void {
    this.entries = ids.flatMap((id) => this.get(id) ?? []);
  }

  authenticate(credentials: Credentials, nowMs: number): AuthenticationResult {
    const active = this.entries.filter(({ enable }) => enable);
    if (active.length === 0) return { ok: true, identity: ANONYMOUS };
    for (const authenticator of active) {
      const result = ask(authenticator, credentials, nowMs);
      if (result !== 'ignore') return result;
    }
    return { ok: false, refusal: 'notAuthorized' };
  }
}

function ask(
  authenticator: Authenticator,
  credentials: Credentials,
  nowMs: number,
): AuthenticationResult | 'ignore' {
  if (authenticator.mechanism === 'jwt') return askJwt(authenticator, credentials, nowMs);
  return credentials.password === undefined ? { ok: false, refusal: 'badUserNameOrPassword' } : 'ignore';
}

function askJwt(
  authenticator: JwtAuthenticator,
  credentials: Credentials,
  nowMs: number,
): AuthenticationResult | 'ignore' {
  const token = credentials[authenticator.from];
  if (token === undefined) return 'ignore';
  const verdict = verifyToken(token, {
    secret: Buffer.from(authenticator.secret, authenticator.secret_base64_encoded ? 'base64' : 'utf8'),
    claims: Object.entries(authenticator.verify_claims).map(([name, template]) => [
      name,
      renderExpectation(template, credentials),
    ]),
    nowSeconds: Math.floor(nowMs / 1000),
  });
  if (verdict.kind === 'ignored') return 'ignore';
  if (verdict.kind === 'refused') return { ok: false, refusal: 'badUserNameOrPassword' };
  const { claims } = verdict;
  const acl = readAcl(claims[authenticator.acl_claim_name], claims.exp);
  if (acl === 'malformed') return { ok: false, refusal: 'badUserNameOrPassword' };
  const expires = authenticator.disconnect_after_expire && typeof claims.exp === 'number';
  return {
    ok: true,
    identity: {
      isSuperuser: isSuperuserClaim(claims.is_superuser),
      acl,
      expireAtMs: expires ? Number(claims.exp) * 1000 : null,
    },
  };
}

/** A value that is not there renders as nothing, as in EMQX. */
function renderExpectation(template: string, { clientId, username = '' }: Credentials): string {
  return template.replace(/\$\{(clientid|username)\}/g, (_, name) =>
    name === 'clientid' ? clientId : username,
  );
}
