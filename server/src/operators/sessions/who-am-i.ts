import { Hono } from 'hono';
import type { z } from 'zod';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { identity } from './session.ts';

/** `GET /session`. */
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
