import type { Rule } from './rules.ts';

/** The `acl` claim of a token. */
export interface TokenAcl {
  rules: readonly Rule[];
  /** The map form refuses what it does not name; the list form leaves it to the sources. */
  exhaustive: boolean;
  /** Unix seconds from which on everything is refused, or null. */
  expiresAt: number | null;
}

/** The rights that came with the credentials. */
export interface Identity {
  isSuperuser: boolean;
  acl: TokenAcl | null;
  /** Unix milliseconds at which the connection is ended, or null. */
  expireAtMs: number | null;
}
