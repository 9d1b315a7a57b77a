import { createHmac } from 'node:crypto';

const HEADER = base64url({ alg: 'HS256' });

/**
 * Signs claims as a JWS in compact form (RFC 7515, section 3.1) with HS256 alone (RFC 7518, section 3.2). Signing through
 * WebCrypto, as jose does, crosses to another thread and back, which takes longer than the rest of a token request.
 */
export function signHs256(claims: Readonly<Record<string, unknown>>, secret: Uint8Array): string {
  const signed = `${HEADER}.${base64url(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
}
