import { Hono } from 'hono';
import { newOperator, operator } from '../../../contract/api/operators.ts';
import { auditOrigin, writeAudit } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { setEntityTag } from '../../http/etag.ts';
import { validate } from '../../http/validate.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import type { OperatorsDeps } from '../deps.ts';
import { lockAdmin } from '../lock-admin.ts';
import { toOperator } from './operator.ts';
import { insertOperator } from './store.ts';

/** `POST /operators`. */
export function createOperator(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().post(
    '/operators',
    describeOperation({
      id: 'createOperator',
      tag: 'Operators',
      summary: 'Add an operator',
      answer: operator,
      status: 201,
      problems: ['bad-request', 'validation-failed', 'unsupported-media-type', 'conflict'],
      admin: true,
    }),
    requireAdmin,
    validate('json', newOperator),
    async (c) => {
      const given = c.req.valid('json');
      const now = deps.clock.now();
      const passwordHash = await deps.passwords.hash(given.password);
      const row = await inTransaction(deps.db, async (tx) => {
        await lockAdmin(tx, c.get('actor'), now);
        const added = await insertOperator(
          tx,
          { username: given.username, passwordHash, role: given.role },
          now,
        );
        if (!added) throw new AppError('conflict', 'The user name is taken.');
        await writeAudit(tx, {
          ...auditOrigin(c, now),
          action: 'operator.created',
          subject: added.id,
          after: { username: added.username, role: added.role },
        });
        return added;
      });
      setEntityTag(c, row.version);
      c.header('Location', `/api/v1/operators/${row.id}`);
      return c.json(toOperator(row), 201);
    },
  );
}
