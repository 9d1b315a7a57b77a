import { Hono } from 'hono';
import { z } from 'zod';
import type { ApiEnv } from '../../api/actor.ts';
import { describeOperation } from '../../api/describe.ts';

const identity = z
  .object({
    kind: z.enum(['operator', 'api_key']),
    id: z.uuid(),
    name: z.string().describe('User name of the operator, or name of the API key'),
    role: z.enum(['admin', 'viewer']),
  })
  .meta({ id: 'Identity' });

/** `GET /session`: whose credentials the request carries. */
export function whoAmI() {
  return new Hono<ApiEnv>().get(
    '/session',
    describeOperation({
      id: 'whoAmI',
      tag: 'Session',
      summary: 'Tell whose credentials these are',
      answer: identity,
    }),
    (c) => {
      const { kind, id, name, role } = c.get('actor');
      return c.json({ kind, id, name, role } satisfies z.output<typeof identity>);
    },
  );
}
