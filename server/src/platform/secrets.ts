import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A secret prepared for comparison in constant time, whatever the length of what it is compared with. */
export interface SecretDigest {
  matches(candidate: string): boolean;
}

/**
 * Prepares `secret` for comparison with values of HTTP headers. A header carries bytes, which arrive here as Latin-1;
 * firmware sends a secret with non-ASCII characters as UTF-8, `fetch` as Latin-1, so either spelling matches.
 */
export function secretDigest(secret: string): SecretDigest {
  const expected = sha256(Buffer.from(secret, 'utf8'));
  return {
    matches(candidate) {
      const asBytes = timingSafeEqual(sha256(Buffer.from(candidate, 'latin1')), expected);
      const asText = timingSafeEqual(sha256(Buffer.from(candidate, 'utf8')), expected);
      return asBytes || asText;
    },
  };
}

/**
 * The key that lets its holder request tokens for one UUID only: `base64url(HMAC-SHA256(role secret, lower-case
 * uuid))` without padding, 43 characters (docs/protocol.md, section 1).
 */
export function deviceKey(roleSecret: string, uuid: string): string {
  return createHmac('sha256', roleSecret).update(uuid.toLowerCase()).digest('base64url');
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** SHA-256, hexadecimal: how random secrets of 256 bits are kept, which need no slow hash. */
export function sha256Hex(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
