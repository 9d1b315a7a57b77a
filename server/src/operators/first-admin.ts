import { sql } from 'drizzle-orm';
import { writeAudit } from '../audit/audit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/client.ts';
import { inTransaction } from '../platform/db/transaction.ts';
import type { Logger } from '../platform/logger.ts';
import { countOperators, insertOperator } from './accounts/store.ts';
import type { Passwords } from './passwords.ts';

interface FirstAdminDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly passwords: Passwords;
}

export interface FirstAdmin {
  readonly username: string;
  readonly password: string;
}

/**
 * Creates the first administrator if there is no operator yet. Instances that start together create one: each
 * looks again with the table locked. Where operators exist, nothing is changed, whatever the settings say.
 */
export async function ensureFirstAdmin(deps: FirstAdminDeps, given: FirstAdmin | undefined): Promise<void> {
  if ((await countOperators(deps.db)) > 0) return;
  if (!given) {
    deps.log.warn('no operators: set ADMIN_USERNAME and ADMIN_PASSWORD to create the first administrator');
    return;
  }
  const passwordHash = await deps.passwords.hash(given.password);
  const now = deps.clock.now();
  const added = await inTransaction(deps.db, async (tx) => {
    await tx.execute(sql`lock table operators in share row exclusive mode`);
    if ((await countOperators(tx)) > 0) return undefined;
    const operator = await insertOperator(tx, { username: given.username, passwordHash, role: 'admin' }, now);
    if (!operator) return undefined;
    await writeAudit(tx, {
      at: new Date(now),
      actorKind: 'system',
      actor: 'first start',
      action: 'operator.created',
      subject: operator.id,
      after: { username: operator.username, role: operator.role },
    });
    return operator;
  });
  if (added) deps.log.info({ username: added.username }, 'first administrator created');
}
