import { Hono } from 'hono';
import { idPath } from '../../../contract/api/operators.ts';
import { auditOrigin, writeAudit } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { requireCurrentVersion } from '../../http/etag.ts';
import { validate } from '../../http/validate.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import type { OperatorsDeps } from '../deps.ts';
import { lockAdmin } from '../lock-admin.ts';
import { deleteKeysOf, lockOperator, deleteOperator as removeOperator } from './store.ts';

/** `DELETE /operators/{id}`. */
export function deleteOperator(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().delete(
    '/operators/:id',
    describeOperation({
      id: 'deleteOperator',
      tag: 'Operators',
      summary: 'Remove an operator, their sessions and the API keys they created',
      description: 'The last administrator cannot be removed.',
      problems: ['bad-request', 'not-found', 'conflict'],
      admin: true,
      ifMatch: true,
    }),
    requireAdmin,
    validate('param', idPath),
    async (c) => {
      const { id } = c.req.valid('param');
      const now = deps.clock.now();
      await inTransaction(deps.db, async (tx) => {
        const { operator: before, administrators } = await lockOperator(tx, id);
        await lockAdmin(tx, c.get('actor'), now);
        if (!before) throw new AppError('not_found', 'Operator not found.');
        requireCurrentVersion(c, before.version);
        if (before.role === 'admin' && administrators === 1) {
          throw new AppError('conflict', 'The last administrator cannot be removed.');
        }
        const revokedKeys = await deleteKeysOf(tx, id);
        await removeOperator(tx, id);
        await writeAudit(tx, {
          ...auditOrigin(c, now),
          action: 'operator.deleted',
          subject: id,
          before: {
            username: before.username,
            role: before.role,
            ...(revokedKeys.length === 0 ? {} : { apiKeys: revokedKeys.map(({ name }) => name) }),
          },
        });
      });
      return c.body(null, 204);
    },
  );
}
