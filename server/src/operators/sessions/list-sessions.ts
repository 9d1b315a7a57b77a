import { Hono } from 'hono';
import { z } from 'zod';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import type { OperatorsDeps } from '../deps.ts';
import { ownSession } from './session.ts';
import { listSessions as readSessions } from './store.ts';

const session = z
  .object({
    id: z.uuid(),
    current: z.boolean().describe('Whether it is the one of this request'),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().describe('To the minute'),
    expiresAt: z.iso.datetime(),
    address: z.string().describe('Where the login came from'),
    userAgent: z.string(),
  })
  .meta({ id: 'Session' });

/** `GET /sessions`: the operator's own. */
export function listSessions(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().get(
    '/sessions',
    describeOperation({
      id: 'listSessions',
      tag: 'Session',
      summary: 'List your sessions',
      answer: z.object({ items: z.array(session) }),
      problems: ['forbidden'],
    }),
    async (c) => {
      const { operatorId, sessionId } = ownSession(c);
      const rows = await readSessions(deps.db, operatorId, deps.clock.now());
      const items = rows.map(
        (row): z.output<typeof session> => ({
          id: row.id,
          current: row.id === sessionId,
          createdAt: row.createdAt.toISOString(),
          lastUsedAt: row.lastUsedAt.toISOString(),
          expiresAt: row.expiresAt.toISOString(),
          address: row.address,
          userAgent: row.userAgent,
        }),
      );
      return c.json({ items });
    },
  );
}
