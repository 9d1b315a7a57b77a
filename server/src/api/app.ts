import { type Context, Hono } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { dashboardRoutes } from '../dashboard/routes.ts';
import { type HealthDeps, healthRoutes } from '../health/routes.ts';
import { ipNetwork } from '../http/client-ip.ts';
import { type AppEnv, deviceErrorAnswer, requestContext } from '../http/device-answer.ts';
import { toAppError } from '../http/failure.ts';
import { problemAnswer } from '../http/problem-answer.ts';
import { limitRequests, type StoreFactory } from '../http/rate-limit.ts';
import { countRequests } from '../http/request-figures.ts';
import { pathOf, refuseMalformedHost } from '../http/request-origin.ts';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Random } from '../platform/random.ts';
import { documentationRoutes } from './documentation.ts';
import { apiDocument } from './openapi.ts';
import { type OperatorApiDeps, operatorApi } from './operator-api.ts';

export interface AppDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly trustProxyHops: number;
  /** Requests of any kind from one address, per minute; as many again of devices with a good credential. */
  readonly addressLimit: number;
  /** Whether a request shows a good credential of a device. */
  readonly hasCredential: (c: Context) => Promise<boolean>;
  /** Whether the schema is in place; until then every route but health and the dashboard answers `unavailable`. */
  readonly started: () => boolean;
  readonly stores: StoreFactory;
  /** What is answered whatever the state of the database. */
  readonly openRoutes: readonly Hono<AppEnv>[];
  readonly metrics: Metrics;
  /** What devices call, by feature. */
  readonly deviceRoutes: readonly Hono<AppEnv>[];
  readonly operatorApi: OperatorApiDeps;
  readonly checks: HealthDeps['checks'];
  /** Where the built dashboard is. */
  readonly dashboardFolder: string;
}

/** All routes of the server. Makes no connection and starts nothing. */
export function createApp(deps: AppDeps): Hono<AppEnv> {
  const { clock, random } = deps;
  const app = new Hono<AppEnv>({ getPath: pathOf });

  /** Devices get the compact form of their protocol, everyone else problem details. */
  function answerFailure(c: Context, thrown: unknown): Response {
    const error = toAppError(thrown, deps.log, c.get('requestId'));
    c.set('failure', error.code);
    return (isForPeople(c.req.path) ? problemAnswer : deviceErrorAnswer)(c, error, random);
  }

  app.use(requestContext({ clock, random, log: deps.log, trustProxyHops: deps.trustProxyHops }));
  app.use(refuseMalformedHost);
  app.use(countRequests(deps.metrics));
  app.route('/', healthRoutes(deps));
  for (const routes of deps.openRoutes) app.route('/', routes);
  app.use(
    limitRequests({
      clock,
      stores: deps.stores,
      name: 'requests of an address',
      limit: deps.addressLimit,
      windowMs: 60_000,
      key: (c) => ipNetwork(c.get('ip')),
      // A flood does not keep out the devices behind its address.
      countsApart: async (c) => deps.started() && (await deps.hasCredential(c)),
    }),
  );
  app.route('/', dashboardRoutes({ folder: deps.dashboardFolder }));
  app.use(async (_, next) => {
    if (!deps.started()) {
      throw new AppError('unavailable', 'The server is starting and waiting for its database.', {
        retryAfterSeconds: 10,
      });
    }
    await next();
  });
  const refuseMethod = methodNotAllowed({
    app,
    onMethodNotAllowed(c, methods) {
      c.header('Allow', methods.join(', '));
      return answerFailure(c, new AppError('bad_method', `Use ${methods.join(', ')}.`));
    },
  });
  app.on('ALL', ['/api/*', '/docs/*', '/problems/*', '/llms.txt'], refuseMethod);
  for (const routes of deps.deviceRoutes) app.route('/', routes);
  app.route('/', documentationRoutes(apiDocument(app)));
  app.route('/api/v1', operatorApi(deps.operatorApi));
  app.notFound((c) => answerFailure(c, new AppError('not_found', 'Nothing exists at this path.')));
  app.onError((thrown, c) => answerFailure(c, thrown));
  return app;
}

function isForPeople(path: string): boolean {
  return /^\/(api|docs|problems|llms\.txt)(\/|$)/.test(path);
}
