import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../platform/random.ts';

const CODES = 1_000_000;
const UINT32 = 2 ** 32;

/** A code of six digits, each as likely as any other. */
export function randomCode(random: Random): string {
  for (;;) {
    const value = new DataView(Uint8Array.from(random.bytes(4)).buffer).getUint32(0);
    if (value < UINT32 - (UINT32 % CODES)) return String(value % CODES).padStart(6, '0');
  }
}

/**
 * What is kept of a code: an HMAC, since a plain hash of six digits is undone by trying all of them. It is bound to the
 * agent, and its text begins as no token does, so that the secret may be that of the tokens.
 */
export function hashCode(secret: string, agentId: string, code: string): string {
  return createHmac('sha256', secret).update(`pairing code\n${agentId}\n${code}`).digest('hex');
}

/** Compares in constant time; without a hash to compare with, in the same time with nothing. */
export function isCodeOf(hash: string | undefined, secret: string, agentId: string, code: string): boolean {
  const given = Buffer.from(hashCode(secret, agentId, code));
  const kept = Buffer.from(hash ?? '');
  return kept.length === given.length ? timingSafeEqual(kept, given) : !timingSafeEqual(given, given);
}
