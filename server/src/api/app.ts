import { type Context, Hono } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { type DashboardDeps, dashboardRoutes } from '../dashboard/routes.ts';
import { type DeviceRoutesDeps, deviceRoutes } from '../devices/firmware/routes.ts';
import { type HealthDeps, healthRoutes } from '../health/routes.ts';
import { ipNetwork } from '../http/client-ip.ts';
import { type AppEnv, deviceErrorAnswer, requestContext, toAppError } from '../http/device-answer.ts';
import { Problem } from '../http/problem.ts';
import { problemAnswer, toProblem } from '../http/problem-answer.ts';
import { limitRequests } from '../http/rate-limit.ts';
import { type DevicePairingRoutesDeps, devicePairingRoutes } from '../pairing/firmware-routes.ts';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { deviceOperations } from './device-operations.ts';
import { documentationRoutes } from './documentation.ts';
import { apiDocument } from './openapi.ts';
import { type ApiDeps, apiRoutes } from './operator-api.ts';

export interface AppDeps {
  readonly log: Logger;
  readonly random: Random;
  readonly trustProxyHops: number;
  /** Requests of any kind from one address, per minute. */
  readonly addressLimit: number;
  /** Whether the schema is in place; until then every route but health and the dashboard answers `unavailable`. */
  readonly started: () => boolean;
  readonly devices: DeviceRoutesDeps;
  readonly pairing: DevicePairingRoutesDeps;
  readonly api: ApiDeps;
  readonly health: HealthDeps;
  readonly dashboard: DashboardDeps;
}

/** All routes of the server. Makes no connection and starts nothing. */
export function createApp(deps: AppDeps): Hono<AppEnv> {
  const { random } = deps;
  const { clock, limits } = deps.devices;
  const app = new Hono<AppEnv>();

  /** Devices get the compact form of their protocol, everyone else problem details. */
  function answerFailure(c: Context, thrown: unknown): Response {
    const requestId = c.get('requestId');
    return isForPeople(c.req.path)
      ? problemAnswer(c, toProblem(thrown, deps.log, requestId), random)
      : deviceErrorAnswer(c, toAppError(thrown, deps.log, requestId), random);
  }

  app.use(requestContext({ clock, random, log: deps.log, trustProxyHops: deps.trustProxyHops }));
  app.route('/', healthRoutes(deps.health));
  app.use(
    limitRequests({
      clock,
      stores: limits.stores,
      name: 'requests of an address',
      limit: deps.addressLimit,
      windowMs: 60_000,
      key: (c) => ipNetwork(c.get('ip')),
    }),
  );
  app.route('/', dashboardRoutes(deps.dashboard));
  app.use(async (_, next) => {
    if (!deps.started()) {
      throw new AppError('unavailable', 'The server is starting and waits for its database.', {
        retryAfterSeconds: 10,
      });
    }
    await next();
  });
  const refuseMethod = methodNotAllowed({
    app,
    onMethodNotAllowed(c, methods) {
      c.header('Allow', methods.join(', '));
      return answerFailure(c, new Problem('method-not-allowed', `Use ${methods.join(', ')}.`));
    },
  });
  app.on('ALL', ['/api/*', '/docs/*', '/problems/*', '/llms.txt'], refuseMethod);
  app.route('/', deviceRoutes(deps.devices));
  app.route('/', devicePairingRoutes(deps.pairing));
  app.route('/', deviceOperations());
  app.route('/', documentationRoutes(apiDocument(app)));
  app.route('/api/v1', apiRoutes(deps.api));
  app.notFound((c) => answerFailure(c, new AppError('not_found', 'There is nothing here.')));
  app.onError((thrown, c) => answerFailure(c, thrown));
  return app;
}

function isForPeople(path: string): boolean {
  return /^\/(api|docs|problems|llms\.txt)(\/|$)/.test(path);
}
