import { Hono } from 'hono';
import { idPath, operator } from '../../../contract/api/operators.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { setEntityTag } from '../../http/etag.ts';
import { validate } from '../../http/validate.ts';
import { AppError } from '../../platform/errors.ts';
import type { OperatorsDeps } from '../deps.ts';
import { toOperator } from './operator.ts';
import { findOperator } from './store.ts';

/** `GET /operators/{id}`. */
export function readOperator(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().get(
    '/operators/:id',
    describeOperation({
      id: 'readOperator',
      tag: 'Operators',
      summary: 'Read an operator',
      answer: operator,
      problems: ['bad-request', 'not-found'],
    }),
    validate('param', idPath),
    async (c) => {
      const row = await findOperator(deps.db, c.req.valid('param').id);
      if (!row) throw new AppError('not_found', 'Operator not found.');
      setEntityTag(c, row.version);
      return c.json(toOperator(row));
    },
  );
}
