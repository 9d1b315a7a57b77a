import type { ApiKey } from '../../../contract/api/operators.ts';
import type { Random } from '../../platform/random.ts';
import type { ApiKeyRecord } from './store.ts';

/** How every key begins, for people and for scanners of leaked secrets. */
const MARK = 'siot_';
const KEY_BYTES = 32;
const SHOWN_CHARACTERS = MARK.length + 6;

export function newKey(random: Random): { readonly key: string; readonly prefix: string } {
  const key = `${MARK}${Buffer.from(random.bytes(KEY_BYTES)).toString('base64url')}`;
  return { key, prefix: key.slice(0, SHOWN_CHARACTERS) };
}

export function toApiKey(row: ApiKeyRecord): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    role: row.role,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}
