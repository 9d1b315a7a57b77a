import { hash, timingSafeEqual } from 'node:crypto';

/** Text that is the same bytes in Latin-1 and in UTF-8. */
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** A secret prepared for comparison in constant time, whatever the length of what it is compared with. */
export interface SecretDigest {
  matches(candidate: string): boolean;
}

/**
 * Prepares `secret` for comparison with values of HTTP headers. A header carries bytes, which arrive here as Latin-1;
 * firmware sends a secret with non-ASCII characters as UTF-8, `fetch` as Latin-1, so either spelling matches.
 */
export function secretDigest(secret: string): SecretDigest {
  const expected = sha256(secret);
  return {
    matches(candidate) {
      const asText = timingSafeEqual(sha256(candidate), expected);
      if (PRINTABLE_ASCII.test(candidate)) return asText;
      const asBytes = timingSafeEqual(sha256(Buffer.from(candidate, 'latin1')), expected);
      return asBytes || asText;
    },
  };
}

/**
 * The key that lets its holder request tokens for one UUID only: `base64url(HMAC-SHA256(role secret, lower-case
 * uuid))` without padding, 43 characters; from key number 1 on, of `uuid + "." + number` (docs/protocol.md, section 1).
 */
export function deviceKey(roleSecret: string | Uint8Array, uuid: string, keyNumber = 0): string {
  const id = uuid.toLowerCase();
  const named = keyNumber === 0 ? id : `${id}.${keyNumber}`;
  return new Bun.CryptoHasher('sha256', roleSecret).update(named).digest('base64url');
}

/** Whether a text has the form of a device key. */
export function looksLikeDeviceKey(text: string): boolean {
  return /^[\w-]{43}$/.test(text);
}

/** Whether `candidate` is the device key of `uuid`, in constant time: the length of a device key is no secret. */
export function isDeviceKey(
  candidate: string,
  roleSecret: string | Uint8Array,
  uuid: string,
  keyNumber = 0,
): boolean {
  const expected = Buffer.from(deviceKey(roleSecret, uuid, keyNumber));
  const given = Buffer.from(candidate);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer');
}

/** SHA-256, hexadecimal: how random secrets of 256 bits are kept, which need no slow hash. */
export function sha256Hex(text: string): string {
  return hash('sha256', text, 'hex');
}
