import { Hono } from 'hono';
import { z } from 'zod';
import { operator } from '../../../contract/api/operators.ts';
import { countedPageOf, pageLimit } from '../../../contract/api/page.ts';
import { plainText } from '../../../contract/text.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { cursor, cutPage } from '../../http/cursor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import type { OperatorsDeps } from '../deps.ts';
import { toOperator } from './operator.ts';
import { countOperators, listOperators as readOperators } from './store.ts';

const query = z.object({ limit: pageLimit, cursor: cursor(z.tuple([plainText(64)])) });

/** `GET /operators`, by user name. */
export function listOperators(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().get(
    '/operators',
    describeOperation({
      id: 'listOperators',
      tag: 'Operators',
      summary: 'List operators',
      answer: countedPageOf(operator),
      problems: ['bad-request'],
    }),
    validate('query', query),
    async (c) => {
      const { limit, cursor: after } = c.req.valid('query');
      const rows = await readOperators(deps.db, after?.[0], limit + 1);
      const page = cutPage(rows, limit, (last) => [last.username]);
      return c.json({
        items: page.rows.map(toOperator),
        next: page.next,
        total: await countOperators(deps.db),
      });
    },
  );
}
