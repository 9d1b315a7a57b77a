import { Hono } from 'hono';
import { auditOrigin, writeAudit } from '../../audit/audit.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import type { OperatorsDeps } from '../deps.ts';
import { clearSessionCookie } from './cookie.ts';
import { ownSession } from './session.ts';
import { deleteSession } from './store.ts';

/** `DELETE /session`. */
export function logOut(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().delete(
    '/session',
    describeOperation({
      id: 'logOut',
      tag: 'Session',
      summary: 'Log out',
      problems: ['forbidden'],
    }),
    async (c) => {
      const { operatorId, sessionId } = ownSession(c);
      await inTransaction(deps.db, async (tx) => {
        if (!(await deleteSession(tx, operatorId, sessionId))) return;
        await writeAudit(tx, {
          ...auditOrigin(c, deps.clock.now()),
          action: 'session.ended',
          subject: sessionId,
        });
      });
      clearSessionCookie(c, deps.trustProxyHops);
      return c.body(null, 204);
    },
  );
}
