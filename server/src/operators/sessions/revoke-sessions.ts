import { Hono } from 'hono';
import { idPath } from '../../../contract/api/operators.ts';
import { auditOrigin, writeAudit } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import { findOperator } from '../accounts/store.ts';
import type { OperatorsDeps } from '../deps.ts';
import { lockAdmin } from '../lock-admin.ts';
import { deleteOtherSessions } from './store.ts';

/** `DELETE /operators/{id}/sessions`: all of an operator's, except that of the request itself. */
export function revokeSessions(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().delete(
    '/operators/:id/sessions',
    describeOperation({
      id: 'revokeSessions',
      tag: 'Operators',
      summary: 'End all sessions of an operator',
      description: 'Except the session of this request.',
      problems: ['bad-request', 'not-found'],
      admin: true,
    }),
    requireAdmin,
    validate('param', idPath),
    async (c) => {
      const { id } = c.req.valid('param');
      const actor = c.get('actor');
      const now = deps.clock.now();
      await inTransaction(deps.db, async (tx) => {
        await lockAdmin(tx, actor, now);
        if (!(await findOperator(tx, id))) throw new AppError('not_found', 'Operator not found.');
        const ended = await deleteOtherSessions(tx, id, actor.id === id ? actor.sessionId : undefined);
        if (ended === 0) return;
        await writeAudit(tx, {
          ...auditOrigin(c, now),
          action: 'operator.sessions_revoked',
          subject: id,
          after: { ended },
        });
      });
      return c.body(null, 204);
    },
  );
}
