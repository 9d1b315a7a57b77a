import { errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { type DeviceRole, deviceRoles } from '../../contract/roles.ts';
import { isDeviceUuid } from '../../contract/uuid.ts';
import { type Clock, unixSeconds } from '../platform/clock.ts';
import { signHs256 } from './sign.ts';

/** Whom a token speaks for. */
export interface TokenSubject {
  readonly id: string;
  readonly role: DeviceRole;
  readonly generation: number;
}

export interface IssuedToken {
  /** JWS compact, under 400 characters. */
  readonly token: string;
  /** The MQTT user name it is good for, `<uuid>.<generation>`. */
  readonly username: string;
  readonly expiresInSeconds: number;
  /** Unix seconds. */
  readonly issuedAt: number;
}

export type TokenCheck =
  | { readonly ok: true; readonly subject: TokenSubject }
  | { readonly ok: false; readonly reason: 'expired' | 'bad_credential' };

export interface Tokens {
  issue(subject: TokenSubject): Promise<IssuedToken>;
  /** Checks everything but the generation and the state, which take the database. Never throws for a bad token. */
  verify(token: string): Promise<TokenCheck>;
  /** A token for the server's own MQTT session, with the rights it needs in its `acl` claim. It opens nothing over HTTP. */
  issueForServer(clientId: string, acl: readonly AclEntry[], ttlSeconds: number): Promise<string>;
}

/** An entry of EMQX's `acl` claim (EMQX documentation, "JWT authentication", "ACL claim"). */
export interface AclEntry {
  readonly permission: 'allow' | 'deny';
  readonly action: 'publish' | 'subscribe' | 'all';
  readonly topic: string;
}

interface TokensOptions {
  readonly jwtSecret: string;
  readonly ttlSeconds: number;
  readonly clock: Clock;
}

/** Three parts in base64url without padding (RFC 7515, sections 2 and 3.1). */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

const claims = z.object({
  sub: z.string().refine(isDeviceUuid),
  username: z.string(),
  role: z.enum(deviceRoles),
  iat: z.number(),
  exp: z.number(),
  acl: z.never().optional(),
  is_superuser: z.never().optional(),
});

/** Issues and verifies the tokens of docs/protocol.md, section 3 (JWS compact, RFC 7515; claims, RFC 7519; HS256 alone). */
export async function createTokens(options: TokensOptions): Promise<Tokens> {
  const secret = Buffer.from(options.jwtSecret, 'utf8');
  const verificationKey = await crypto.subtle.importKey(
    'raw',
    secret,
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify'],
  );

  return {
    async issue(subject) {
      const issuedAt = unixSeconds(options.clock);
      const username = mqttUsername(subject.id, subject.generation);
      const expiresAt = issuedAt + options.ttlSeconds;
      const token = signHs256(
        { sub: subject.id, username, role: subject.role, iat: issuedAt, exp: expiresAt },
        secret,
      );
      return { token, username, expiresInSeconds: options.ttlSeconds, issuedAt };
    },

    async verify(token) {
      // jose decodes leniently: it passes over blanks and takes padding, which the broker refuses.
      if (!COMPACT.test(token)) return { ok: false, reason: 'bad_credential' };
      try {
        const { payload } = await jwtVerify(token, verificationKey, {
          algorithms: ['HS256'],
          requiredClaims: ['sub', 'username', 'exp'],
          currentDate: new Date(options.clock.now()),
        });
        const parsed = claims.safeParse(payload);
        if (!parsed.success) return { ok: false, reason: 'bad_credential' };
        const { sub, username, role } = parsed.data;
        const generation = generationOf(username, sub);
        if (generation === undefined) return { ok: false, reason: 'bad_credential' };
        return { ok: true, subject: { id: sub, role, generation } };
      } catch (error) {
        return { ok: false, reason: error instanceof errors.JWTExpired ? 'expired' : 'bad_credential' };
      }
    },

    async issueForServer(clientId, acl, ttlSeconds) {
      const issuedAt = unixSeconds(options.clock);
      return signHs256(
        { sub: clientId, username: clientId, acl, iat: issuedAt, exp: issuedAt + ttlSeconds },
        secret,
      );
    },
  };
}

/** The MQTT user name of one generation of a device. */
export function mqttUsername(uuid: string, generation: number): string {
  return `${uuid}.${generation}`;
}

function generationOf(username: string, uuid: string): number | undefined {
  if (!username.startsWith(`${uuid}.`)) return undefined;
  const text = username.slice(uuid.length + 1);
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
}
