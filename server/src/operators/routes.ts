import { Hono } from 'hono';
import type { ApiEnv } from '../http/actor.ts';
import { changeOperator } from './accounts/change-operator.ts';
import { createOperator } from './accounts/create-operator.ts';
import { deleteOperator } from './accounts/delete-operator.ts';
import { listOperators } from './accounts/list-operators.ts';
import { readOperator } from './accounts/read-operator.ts';
import { createApiKey } from './api-keys/create-api-key.ts';
import { listApiKeys } from './api-keys/list-api-keys.ts';
import { revokeApiKey } from './api-keys/revoke-api-key.ts';
import type { OperatorsDeps } from './deps.ts';
import { changePassword } from './sessions/change-password.ts';
import { listSessions } from './sessions/list-sessions.ts';
import { logOut } from './sessions/log-out.ts';
import { revokeSession } from './sessions/revoke-session.ts';
import { revokeSessions } from './sessions/revoke-sessions.ts';
import { whoAmI } from './sessions/who-am-i.ts';

/** The routes of operators, their sessions and API keys. */
export function operatorRoutes(deps: OperatorsDeps) {
  return new Hono<ApiEnv>()
    .route('/', whoAmI())
    .route('/', logOut(deps))
    .route('/', changePassword(deps))
    .route('/', listSessions(deps))
    .route('/', revokeSession(deps))
    .route('/', listOperators(deps))
    .route('/', createOperator(deps))
    .route('/', readOperator(deps))
    .route('/', changeOperator(deps))
    .route('/', deleteOperator(deps))
    .route('/', revokeSessions(deps))
    .route('/', listApiKeys(deps))
    .route('/', createApiKey(deps))
    .route('/', revokeApiKey(deps));
}
