import { Hono } from 'hono';
import { createdApiKey, newApiKey } from '../../../contract/api/operators.ts';
import { auditOrigin, writeAudit } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import { sha256Hex } from '../../platform/secrets.ts';
import type { OperatorsDeps } from '../deps.ts';
import { lockAdmin } from '../lock-admin.ts';
import { newKey, toApiKey } from './api-key.ts';
import { insertApiKey } from './store.ts';

const DEFAULT_LIFETIME_MS = 365 * 24 * 3_600_000;

/** `POST /api-keys`. The key is in this answer and nowhere else. */
export function createApiKey(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().post(
    '/api-keys',
    describeOperation({
      id: 'createApiKey',
      tag: 'API keys',
      summary: 'Create an API key',
      description: 'The key is shown only in this answer.',
      answer: createdApiKey,
      status: 201,
      problems: ['bad-request', 'validation-failed', 'unsupported-media-type', 'conflict'],
      admin: true,
    }),
    requireAdmin,
    validate('json', newApiKey),
    async (c) => {
      const given = c.req.valid('json');
      const now = deps.clock.now();
      const expiresAt = expiry(given.expiresAt, now);
      const { key, prefix } = newKey(deps.random);
      const row = await inTransaction(deps.db, async (tx) => {
        const createdBy = await lockAdmin(tx, c.get('actor'), now);
        const added = await insertApiKey(
          tx,
          { name: given.name, keyHash: sha256Hex(key), prefix, role: given.role, createdBy, expiresAt },
          now,
        );
        if (!added) throw new AppError('conflict', 'An API key with this name already exists.');
        await writeAudit(tx, {
          ...auditOrigin(c, now),
          action: 'api_key.created',
          subject: added.id,
          after: {
            name: added.name,
            prefix: added.prefix,
            role: added.role,
            expiresAt: added.expiresAt?.toISOString() ?? null,
          },
        });
        return added;
      });
      return c.json({ ...toApiKey(row), key }, 201);
    },
  );
}

function expiry(given: Date | null | undefined, now: number): Date | null {
  if (given === null) return null;
  if (given === undefined) return new Date(now + DEFAULT_LIFETIME_MS);
  if (given.getTime() <= now) {
    throw new AppError('validation_failed', 'The body has invalid values.', {
      faults: [{ field: '/expiresAt', message: 'must be in the future' }],
    });
  }
  return given;
}
