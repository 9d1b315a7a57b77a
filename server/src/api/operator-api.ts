import { Hono } from 'hono';
import { type BrokerRoutesDeps, brokerRoutes } from '../broker/routes.ts';
import { type OperatorDeviceRoutesDeps, operatorDeviceRoutes } from '../devices/operator/operator-routes.ts';
import type { ApiEnv } from '../http/actor.ts';
import { limitBody } from '../http/body.ts';
import { dataHeaders } from '../http/browser-headers.ts';
import { refuseCrossSite } from '../http/csrf.ts';
import { authenticate } from '../operators/authenticate.ts';
import type { OperatorsDeps } from '../operators/deps.ts';
import { operatorRoutes } from '../operators/routes.ts';
import { logIn } from '../operators/sessions/log-in.ts';
import { withDeadline } from '../platform/deadline.ts';

/** A database that hangs must not keep requests for ever; the import of a long file stays far below. */
const REQUEST_LIMIT_MS = 30_000;

export interface ApiDeps {
  readonly trustProxyHops: number;
  readonly operators: OperatorsDeps;
  readonly broker: BrokerRoutesDeps;
  readonly devices: OperatorDeviceRoutesDeps;
}

/**
 * The operators' API, mounted at `/api/v1`. A feature adds its routes as `operatorDeviceRoutes(deps.devices)` behind `operatorRoutes`,
 * chained, so that the typed client knows them. In a route: `describeOperation` for the document, `requireAdmin` before
 * everything that changes something, `validate` for its input, `throw new AppError(…)` for its failures. What is thrown is answered in one place, `app.ts`.
 */
export function apiRoutes(deps: ApiDeps) {
  return new Hono<ApiEnv>()
    .use(dataHeaders)
    .use(async (c, next) => {
      await next();
      if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store');
    })
    .use((_, next) => withDeadline(deps.operators.clock, REQUEST_LIMIT_MS, next()))
    .use(refuseCrossSite(deps.trustProxyHops))
    .route('/', logIn(deps.operators))
    .use(authenticate(deps.operators))
    .use(limitBody)
    .route('/', operatorRoutes(deps.operators))
    .route('/', brokerRoutes(deps.broker))
    .route('/', operatorDeviceRoutes(deps.devices));
}

/** The routes of the operators' API with what they take and answer, for the typed client. */
export type ApiType = ReturnType<typeof apiRoutes>;
