import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** What a token said, once its signature and its times were accepted. */
export type TokenVerdict =
  | { kind: 'accepted'; claims: Record<string, unknown> }
  /** Not ours to judge: the next authenticator is asked, and CONNACK 5 follows when there is none. */
  | { kind: 'ignored' }
  /** Signed with our key and yet wrong: CONNACK 4. */
  | { kind: 'refused' };

export interface TokenExpectation {
  secret: Buffer;
  /** Claims that must be present with just this value. */
  claims: readonly (readonly [name: string, value: string])[];
  nowSeconds: number;
}

const HASHES: Record<string, string> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };
const BASE64URL = /^[A-Za-z0-9_-]*$/;

const headerSchema = z.looseObject({ alg: z.string() });
const claimsSchema = z.record(z.string(), z.unknown());

/**
 * Verifies a compact JWS as EMQX's JWT authenticator with `algorithm: hmac-based` does. It takes any HMAC
 * of the SHA-2 family, whatever `crit` says, and a token without `exp`; jose would refuse the last two.
 */
export function verifyToken(token: string, expected: TokenExpectation): TokenVerdict {
  const claims = verifiedClaims(token, expected.secret);
  if (!claims) return { kind: 'ignored' };
  const exp = numeric(claims.exp);
  if (claims.exp !== undefined && !(exp !== null && expected.nowSeconds < exp)) return { kind: 'refused' };
  const nbf = numeric(claims.nbf);
  if (claims.nbf !== undefined && !(nbf !== null && nbf <= expected.nowSeconds)) return { kind: 'refused' };
  for (const [name, value] of expected.claims) {
    if (claims[name] !== value) return { kind: 'refused' };
  }
  return { kind: 'accepted', claims: exp === null ? claims : { ...claims, exp } };
}

function verifiedClaims(token: string, secret: Buffer): Record<string, unknown> | null {
  const parts = token.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3 || !parts.every((part) => BASE64URL.test(part))) return null;
  const parsedHeader = headerSchema.safeParse(decodeJson(header));
  const hash = parsedHeader.success ? HASHES[parsedHeader.data.alg] : undefined;
  if (!hash) return null;
  const mac = createHmac(hash, secret).update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature, 'base64url');
  if (mac.length !== given.length || !timingSafeEqual(mac, given)) return null;
  const claims = claimsSchema.safeParse(decodeJson(payload));
  return claims.success ? claims.data : null;
}

function decodeJson(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

/** EMQX also reads times that are written as text. */
function numeric(value: unknown): number | null {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : null;
}
