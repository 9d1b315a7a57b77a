import { isUsername, newPassword } from '../../../contract/api/credentials.ts';
import { writeAudit } from '../../audit/audit.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/client.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import type { Passwords } from '../passwords.ts';
import { deleteOtherSessions } from '../sessions/store.ts';
import { findForLogin, lockOperator, updateOperator } from './store.ts';

interface ResetPasswordDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly passwords: Passwords;
}

/**
 * Gives an operator another password from the machine of the server, where nobody can log in any more, and ends all of
 * their sessions.
 *
 * @param username in lower case.
 * @returns how many sessions were ended.
 */
export async function resetPassword(
  deps: ResetPasswordDeps,
  username: string,
  password: string,
): Promise<number> {
  const parsed = newPassword.safeParse(password);
  if (!parsed.success) {
    throw new AppError('validation_failed', `The password ${parsed.error.issues[0]?.message}.`);
  }
  if (isUsername(password, username)) {
    throw new AppError('validation_failed', 'The password must not be the user name.');
  }
  const found = await findForLogin(deps.db, username);
  if (!found) throw new AppError('not_found', `There is no operator named ${username}.`);
  const passwordHash = await deps.passwords.hash(password);
  return await inTransaction(deps.db, async (tx) => {
    const { operator } = await lockOperator(tx, found.id);
    if (!operator) throw new AppError('not_found', `There is no operator named ${username}.`);
    await updateOperator(tx, operator.id, { passwordHash });
    const endedSessions = await deleteOtherSessions(tx, operator.id);
    await writeAudit(tx, {
      at: new Date(deps.clock.now()),
      actorKind: 'system',
      actor: 'admin reset-password',
      action: 'operator.password_reset',
      subject: operator.id,
      after: { username: operator.username, endedSessions },
    });
    return endedSessions;
  });
}
