import { isSuperuserClaim, readAcl, type TokenAcl } from './claims.ts';
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

/** The rights that came with the credentials. */
export interface Identity {
  isSuperuser: boolean;
  acl: TokenAcl | null;
  /** Unix milliseconds at which the connection is ended, or null. */
  expireAtMs: number | null;
}

export type AuthenticationResult =
  | { ok: true; identity: Identity }
  /** MQTT 3.1.1 CONNACK return code: 4 bad user name or password, 5 not authorised. */
  | { ok: false; returnCode: 4 | 5 };

const ANONYMOUS: Identity = { isSuperuser: false, acl: null, expireAtMs: null };

/** Counters of one authenticator, as `GET /authentication/{id}/status` shows them. */
export interface AuthenticatorMetrics {
  total: number;
  success: number;
  failed: number;
  nomatch: number;
}

export function authenticatorId(authenticator: Authenticator): string {
  return authenticator.mechanism === 'jwt' ? 'jwt' : 'password_based:built_in_database';
}

/** The ordered authenticators. An empty chain, or one with all of them disabled, lets everyone in. */
export class AuthenticatorChain {
  private entries: { authenticator: Authenticator; metrics: AuthenticatorMetrics }[] = [];

  list(): readonly Authenticator[] {
    return this.entries.map((entry) => entry.authenticator);
  }

  get(id: string): Authenticator | undefined {
    return this.entry(id)?.authenticator;
  }

  metrics(id: string): AuthenticatorMetrics | undefined {
    return this.entry(id)?.metrics;
  }

  append(authenticator: Authenticator): void {
    this.entries.push({ authenticator, metrics: { total: 0, success: 0, failed: 0, nomatch: 0 } });
  }

  replace(id: string, authenticator: Authenticator): void {
    const entry = this.entry(id);
    if (entry) entry.authenticator = authenticator;
  }

  delete(id: string): void {
    this.entries = this.entries.filter((entry) => authenticatorId(entry.authenticator) !== id);
  }

  /** Puts the chain into this order; the caller has checked that it names each authenticator once. */
  reorder(ids: readonly string[]): void {
    this.entries = ids.flatMap((id) => this.entry(id) ?? []);
  }

  authenticate(credentials: Credentials, nowMs: number): AuthenticationResult {
    const active = this.entries.filter((entry) => entry.authenticator.enable);
    if (active.length === 0) return { ok: true, identity: ANONYMOUS };
    for (const { authenticator, metrics } of active) {
      metrics.total++;
      const result = ask(authenticator, credentials, nowMs);
      if (result === 'ignore') metrics.nomatch++;
      else {
        if (result.ok) metrics.success++;
        else metrics.failed++;
        return result;
      }
    }
    return { ok: false, returnCode: 5 };
  }

  private entry(id: string) {
    return this.entries.find((entry) => authenticatorId(entry.authenticator) === id);
  }
}

function ask(
  authenticator: Authenticator,
  credentials: Credentials,
  nowMs: number,
): AuthenticationResult | 'ignore' {
  if (authenticator.mechanism === 'jwt') return askJwt(authenticator, credentials, nowMs);
  return credentials.password === undefined ? { ok: false, returnCode: 4 } : 'ignore';
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
  if (verdict.kind === 'refused') return { ok: false, returnCode: 4 };
  const { claims } = verdict;
  const acl = readAcl(claims[authenticator.acl_claim_name], claims.exp);
  if (acl === 'malformed') return { ok: false, returnCode: 4 };
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
