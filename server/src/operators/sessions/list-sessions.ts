import { Hono } from 'hono';
import { z } from 'zod';
import { type Session, session } from '../../../contract/api/operators.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import type { OperatorsDeps } from '../deps.ts';
import { ownSession } from './session.ts';
import { listSessions as readSessions } from './store.ts';

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
        (row): Session => ({
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
