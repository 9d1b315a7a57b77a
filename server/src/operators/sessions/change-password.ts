import { Hono } from 'hono';
import { isUsername } from '../../../contract/api/credentials.ts';
import { passwordChange } from '../../../contract/api/operators.ts';
import { auditOrigin, writeAudit } from '../../audit/audit.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import { findForLogin, lockVerified, updateOperator } from '../accounts/store.ts';
import type { OperatorsDeps } from '../deps.ts';
import { ownSession } from './session.ts';
import { deleteOtherSessions, lockSession } from './store.ts';

/** `PUT /session/password`: the operator's own. */
export function changePassword(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().put(
    '/session/password',
    describeOperation({
      id: 'changePassword',
      tag: 'Session',
      summary: 'Change your password and end your other sessions',
      problems: ['bad-request', 'validation-failed', 'unsupported-media-type', 'forbidden'],
    }),
    async (c, next) => {
      ownSession(c);
      await next();
    },
    validate('json', passwordChange),
    async (c) => {
      const { operatorId, sessionId } = ownSession(c);
      const given = c.req.valid('json');
      const { name } = c.get('actor');
      const succeeded = await deps.loginLimits.admit(c, { browser: sessionId });
      const account = await findForLogin(deps.db, name);
      const matches = await deps.passwords.verify(given.currentPassword, account?.passwordHash, 'known');
      if (!account || !matches) throw wrongPassword();
      await succeeded();
      if (isUsername(given.newPassword, name)) {
        throw new AppError('validation_failed', 'The body has invalid values.', {
          faults: [{ field: '/newPassword', message: 'must not be the user name' }],
        });
      }
      const passwordHash = await deps.passwords.hash(given.newPassword);
      await inTransaction(deps.db, async (tx) => {
        const current = await lockVerified(tx, operatorId, account.passwordHash);
        // The session goes with the operator, and with a password that an administrator has reset.
        if (!(await lockSession(tx, sessionId)))
          throw new AppError('bad_credential', 'The session has ended.');
        if (!current) throw wrongPassword();
        await updateOperator(tx, operatorId, { passwordHash });
        await deleteOtherSessions(tx, operatorId, sessionId);
        await writeAudit(tx, {
          ...auditOrigin(c, deps.clock.now()),
          action: 'operator.password_changed',
          subject: operatorId,
        });
      });
      return c.body(null, 204);
    },
  );
}

function wrongPassword(): AppError {
  return new AppError('validation_failed', 'The current password is wrong.', {
    faults: [{ field: '/currentPassword', message: 'is wrong' }],
  });
}
