import { Hono } from 'hono';
import type { Identity } from '../../../contract/api/operators.ts';
import { identity } from '../../../contract/api/operators.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';

/** `GET /session`. */
export function whoAmI() {
  return new Hono<ApiEnv>().get(
    '/session',
    describeOperation({
      id: 'whoAmI',
      tag: 'Session',
      summary: 'Show the current identity',
      answer: identity,
    }),
    (c) => {
      const { kind, id, name, role } = c.get('actor');
      return c.json({ kind, id, name, role } satisfies Identity);
    },
  );
}
