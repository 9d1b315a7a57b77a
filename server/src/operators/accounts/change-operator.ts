import { Hono } from 'hono';
import { isUsername } from '../../../contract/api/credentials.ts';
import { idPath, operator, operatorChange } from '../../../contract/api/operators.ts';
import { auditOrigin, writeAudit } from '../../audit/audit.ts';
import { type Actor, type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { requireCurrentVersion, setEntityTag } from '../../http/etag.ts';
import { validate } from '../../http/validate.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import { creatorOf } from '../api-keys/store.ts';
import type { OperatorsDeps } from '../deps.ts';
import { lockAdmin } from '../lock-admin.ts';
import { deleteOtherSessions } from '../sessions/store.ts';
import { toOperator } from './operator.ts';
import { deleteKeysOf, lockOperator, updateOperator } from './store.ts';

/** `PATCH /operators/{id}`: the role, or a new password if they forgot it. */
export function changeOperator(deps: OperatorsDeps) {
  return new Hono<ApiEnv>().patch(
    '/operators/:id',
    describeOperation({
      id: 'changeOperator',
      tag: 'Operators',
      summary: 'Change role or password of an operator',
      description:
        'An administrator who becomes a viewer loses the `admin` API keys that they created. The last administrator cannot become a viewer. To change your own password, use `PUT /api/v1/session/password`, which requires the current one; an API key cannot change that of the operator who created it.',
      answer: operator,
      problems: ['bad-request', 'validation-failed', 'unsupported-media-type', 'not-found', 'conflict'],
      admin: true,
      ifMatch: true,
    }),
    requireAdmin,
    validate('param', idPath),
    validate('json', operatorChange),
    async (c) => {
      const { id } = c.req.valid('param');
      const given = c.req.valid('json');
      const actor = c.get('actor');
      if (given.password !== undefined && (await ownerOf(deps.db, actor)) === id) {
        throw new AppError('conflict', 'Change your own password with PUT /session/password.');
      }
      const now = deps.clock.now();
      const passwordHash =
        given.password === undefined ? undefined : await deps.passwords.hash(given.password);
      const row = await inTransaction(deps.db, async (tx) => {
        const { operator: before, administrators } = await lockOperator(tx, id);
        await lockAdmin(tx, actor, now);
        if (!before) throw new AppError('not_found', 'Operator not found.');
        requireCurrentVersion(c, before.version);
        if (given.password !== undefined && isUsername(given.password, before.username)) {
          throw new AppError('validation_failed', 'The body has invalid values.', {
            faults: [{ field: '/password', message: 'must not be the user name' }],
          });
        }
        const demoted = before.role === 'admin' && given.role === 'viewer';
        if (demoted && administrators === 1) {
          throw new AppError('conflict', 'The last administrator cannot become a viewer.');
        }
        if (passwordHash === undefined && (given.role ?? before.role) === before.role) return before;
        const after = await updateOperator(tx, id, { role: given.role, passwordHash });
        const revokedKeys = demoted ? await deleteKeysOf(tx, id, 'admin') : [];
        if (passwordHash !== undefined) await deleteOtherSessions(tx, id);
        await writeAudit(tx, {
          ...auditOrigin(c, now),
          action: 'operator.changed',
          subject: id,
          before: { username: before.username, role: before.role },
          after: {
            username: after.username,
            role: after.role,
            ...(passwordHash === undefined ? {} : { passwordChanged: true }),
            ...(revokedKeys.length === 0 ? {} : { revokedApiKeys: revokedKeys.map(({ name }) => name) }),
          },
        });
        return after;
      });
      setEntityTag(c, row.version);
      return c.json(toOperator(row));
    },
  );
}

/** The operator who makes a request, or in whose name an API key does. */
async function ownerOf(db: Queryable, actor: Actor): Promise<string | null> {
  return actor.kind === 'operator' ? actor.id : await creatorOf(db, actor.id);
}
