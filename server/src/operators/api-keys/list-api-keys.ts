import { Hono } from 'hono';
import { z } from 'zod';
import { apiKey } from '../../../contract/api/operators.ts';
import { countedPageOf, pageLimit } from '../../../contract/api/page.ts';
import { plainText } from '../../../contract/text.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { cursor, cutPage } from '../../http/cursor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import type { OperatorsDeps } from '../deps.ts';
import { toApiKey } from './api-key.ts';
import { countApiKeys, listApiKeys as readApiKeys } from './store.ts';

const query = z.object({ limit: pageLimit, cursor: cursor(z.tuple([plainText(64)])) });

/** `GET /api-keys`, by name. */
export function listApiKeys(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().get(
    '/api-keys',
    describeOperation({
      id: 'listApiKeys',
      tag: 'API keys',
      summary: 'List API keys, including expired ones',
      answer: countedPageOf(apiKey),
      problems: ['bad-request'],
    }),
    validate('query', query),
    async (c) => {
      const { limit, cursor: after } = c.req.valid('query');
      const rows = await readApiKeys(deps.db, after?.[0], limit + 1);
      const page = cutPage(rows, limit, (last) => [last.name]);
      return c.json({ items: page.rows.map(toApiKey), next: page.next, total: await countApiKeys(deps.db) });
    },
  );
}
