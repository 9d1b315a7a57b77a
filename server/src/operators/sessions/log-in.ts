import { type Context, Hono } from 'hono';
import { type Identity, identity, login } from '../../../contract/api/operators.ts';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import { receiveBody } from '../../http/body.ts';
import { ipNetwork } from '../../http/client-ip.ts';
import { describeOperation } from '../../http/describe.ts';
import type { AppEnv } from '../../http/device-answer.ts';
import { validate } from '../../http/validate.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import { takeHourlyQuota } from '../../platform/quota.ts';
import { sha256Hex } from '../../platform/secrets.ts';
import { findForLogin, lockVerified } from '../accounts/store.ts';
import type { OperatorsDeps } from '../deps.ts';
import { sessionCookie, setSessionCookie } from './cookie.ts';
import { deleteSessionByToken, insertSession, SESSION_LIFETIME_MS } from './store.ts';

/** Failed logins in the audit log, per hour: guessing does not fill the table. */
const AUDITED_FAILURES_PER_HOUR = 500;
const MAX_USER_AGENT_CHARACTERS = 256;

/** `POST /session`: a session for a browser. Every login has a new token, so that nobody can plant one in advance. */
export function logIn(deps: OperatorsDeps) {
  return new Hono<AppEnv>().post(
    '/session',
    describeOperation({
      id: 'logIn',
      tag: 'Session',
      summary: 'Log in',
      description:
        'Sets a session cookie for browsers; scripts use API keys. A session expires after 12 hours of inactivity, and after 7 days at most.',
      answer: identity,
      status: 201,
      problems: [
        'bad-request',
        'validation-failed',
        'unsupported-media-type',
        'unauthenticated',
        'forbidden',
      ],
      open: true,
    }),
    receiveBody({ clock: deps.clock }),
    validate('json', login),
    async (c) => {
      const { username, password } = c.req.valid('json');
      const browser = deps.knownBrowsers.find(c, username);
      const succeeded = await deps.loginLimits.admit(
        c,
        browser === undefined ? { network: ipNetwork(c.get('ip')), username } : { browser },
      );
      const found = await findForLogin(deps.db, username);
      const matches = await deps.passwords.verify(
        password,
        found?.passwordHash,
        browser === undefined ? 'stranger' : 'known',
      );
      if (!found || !matches) return await refuse(deps, c, found);

      const token = Buffer.from(deps.random.bytes(32)).toString('base64url');
      const now = deps.clock.now();
      const former = sessionCookie(c, deps.trustProxyHops);
      const operator = await inTransaction(deps.db, async (tx) => {
        const current = await lockVerified(tx, found.id, found.passwordHash);
        if (!current) return undefined;
        if (former !== undefined) await deleteSessionByToken(tx, sha256Hex(former));
        const session = {
          operatorId: current.id,
          tokenHash: sha256Hex(token),
          address: c.get('ip'),
          userAgent: (c.req.header('user-agent') ?? '').slice(0, MAX_USER_AGENT_CHARACTERS),
        };
        const sessionId = await insertSession(tx, session, now);
        await writeAudit(tx, {
          ...origin(c, now),
          actorKind: 'operator',
          actor: current.username,
          action: 'session.created',
          subject: sessionId,
        });
        return current;
      });
      if (!operator) return await refuse(deps, c, found);
      await succeeded();
      setSessionCookie(c, deps.trustProxyHops, token, SESSION_LIFETIME_MS / 1000);
      deps.knownBrowsers.mark(c, operator.username);
      return c.json(
        {
          kind: 'operator',
          id: operator.id,
          name: operator.username,
          role: operator.role,
        } satisfies Identity,
        201,
      );
    },
  );
}

/** @throws AppError `bad_credential`, in the same words for whatever reason. */
async function refuse(
  deps: OperatorsDeps,
  c: Context<AppEnv>,
  operator: Account | undefined,
): Promise<never> {
  await noteFailure(deps, c, operator);
  throw new AppError('bad_credential', 'User name or password is wrong.');
}

interface Account {
  readonly id: string;
  readonly username: string;
}

/** The name entered for an account that does not exist is not stored: it may be a password. */
async function noteFailure(
  deps: OperatorsDeps,
  c: Context<AppEnv>,
  operator: Account | undefined,
): Promise<void> {
  const now = deps.clock.now();
  deps.log.warn({ requestId: c.get('requestId'), ip: c.get('ip') }, 'login failed');
  if (!(await takeHourlyQuota(deps.db, 'failed logins', AUDITED_FAILURES_PER_HOUR, now))) return;
  await writeAudit(deps.db, {
    ...origin(c, now),
    actorKind: operator ? 'operator' : 'system',
    actor: operator?.username ?? 'unknown',
    action: 'login.failed',
    subject: operator?.id,
  });
}

function origin(c: Context<AppEnv>, now: number): Pick<AuditOrigin, 'at' | 'address' | 'requestId'> {
  return { at: new Date(now), address: c.get('ip'), requestId: c.get('requestId') };
}
