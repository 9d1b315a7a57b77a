import { Hono } from 'hono';
import { idPath } from '../../../contract/api/operators.ts';
import { auditOrigin, writeAudit } from '../../audit/audit.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import type { OperatorsDeps } from '../deps.ts';
import { ownSession } from './session.ts';
import { deleteSession } from './store.ts';

/** `DELETE /sessions/{id}`: one of the operator's own. */
export function revokeSession(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().delete(
    '/sessions/:id',
    describeOperation({
      id: 'revokeSession',
      tag: 'Session',
      summary: 'End one of your sessions',
      problems: ['bad-request', 'forbidden', 'not-found'],
    }),
    async (c, next) => {
      ownSession(c);
      await next();
    },
    validate('param', idPath),
    async (c) => {
      const { id } = c.req.valid('param');
      const { operatorId } = ownSession(c);
      await inTransaction(deps.db, async (tx) => {
        if (!(await deleteSession(tx, operatorId, id))) {
          throw new AppError('not_found', 'Session not found.');
        }
        await writeAudit(tx, {
          ...auditOrigin(c, deps.clock.now()),
          action: 'session.revoked',
          subject: id,
        });
      });
      return c.body(null, 204);
    },
  );
}
