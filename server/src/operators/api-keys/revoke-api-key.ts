import { Hono } from 'hono';
import { idPath } from '../../../contract/api/operators.ts';
import { auditOrigin, writeAudit } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import type { OperatorsDeps } from '../deps.ts';
import { lockAdmin } from '../lock-admin.ts';
import { deleteApiKey } from './store.ts';

/** `DELETE /api-keys/{id}`. */
export function revokeApiKey(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().delete(
    '/api-keys/:id',
    describeOperation({
      id: 'revokeApiKey',
      tag: 'API keys',
      summary: 'Revoke an API key',
      problems: ['bad-request', 'not-found'],
      admin: true,
    }),
    requireAdmin,
    validate('param', idPath),
    async (c) => {
      const { id } = c.req.valid('param');
      const now = deps.clock.now();
      await inTransaction(deps.db, async (tx) => {
        await lockAdmin(tx, c.get('actor'), now);
        const before = await deleteApiKey(tx, id);
        if (!before) throw new AppError('not_found', 'API key not found.');
        await writeAudit(tx, {
          ...auditOrigin(c, now),
          action: 'api_key.revoked',
          subject: id,
          before: { name: before.name, prefix: before.prefix, role: before.role },
        });
      });
      return c.body(null, 204);
    },
  );
}
