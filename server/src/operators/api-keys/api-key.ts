import { z } from 'zod';
import type { Random } from '../../platform/random.ts';
import { role } from '../accounts/operator.ts';
import type { ApiKeyRecord } from './store.ts';

/** How every key begins, for people and for scanners of leaked secrets. */
const MARK = 'siot_';
const KEY_BYTES = 32;
const SHOWN_CHARACTERS = MARK.length + 6;

/** An API key, as `/api/v1` shows it: all but the key itself. */
export const apiKey = z
  .object({
    id: z.uuid(),
    name: z.string(),
    prefix: z.string().describe('How the key begins'),
    role,
    createdBy: z.string().nullable().describe('User name of the operator; null when they are gone'),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().nullable(),
    lastUsedAt: z.iso.datetime().nullable().describe('To the minute'),
  })
  .meta({ id: 'ApiKey' });

export function newKey(random: Random): { readonly key: string; readonly prefix: string } {
  const key = `${MARK}${Buffer.from(random.bytes(KEY_BYTES)).toString('base64url')}`;
  return { key, prefix: key.slice(0, SHOWN_CHARACTERS) };
}

export function toApiKey(row: ApiKeyRecord): z.output<typeof apiKey> {
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
