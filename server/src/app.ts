import { Hono } from 'hono';
import { type DeviceRoutesDeps, deviceRoutes } from './devices/routes.ts';
import { type HealthDeps, healthRoutes } from './health/routes.ts';
import { ipNetwork } from './platform/client-ip.ts';
import { AppError } from './platform/errors.ts';
import { type AppEnv, deviceErrorAnswer, requestContext, toAppError } from './platform/http.ts';
import type { Logger } from './platform/logger.ts';
import type { Random } from './platform/random.ts';
import { limitRequests } from './platform/rate-limit.ts';

export interface AppDeps {
  readonly log: Logger;
  readonly random: Random;
  readonly trustProxyHops: number;
  /** Requests of any kind from one address, per minute. */
  readonly addressLimit: number;
  /** Whether the schema is in place; until then every route but health answers `unavailable`. */
  readonly started: () => boolean;
  readonly devices: DeviceRoutesDeps;
  readonly health: HealthDeps;
}

/** All routes of the server. Makes no connection and starts nothing. */
export function createApp(deps: AppDeps): Hono<AppEnv> {
  const { random } = deps;
  const { clock, limits } = deps.devices;
  const app = new Hono<AppEnv>();
  app.use(requestContext({ clock, random, log: deps.log, trustProxyHops: deps.trustProxyHops }));
  app.route('/', healthRoutes(deps.health));
  app.use(
    limitRequests({
      clock,
      stores: limits.stores,
      limit: deps.addressLimit,
      windowMs: 60_000,
      key: (c) => ipNetwork(c.get('ip')),
    }),
  );
  app.use(async (_, next) => {
    if (!deps.started()) {
      throw new AppError('unavailable', 'The server is starting and waits for its database.', {
        retryAfterSeconds: 10,
      });
    }
    await next();
  });
  app.route('/', deviceRoutes(deps.devices));
  app.notFound((c) => deviceErrorAnswer(c, new AppError('not_found', 'There is nothing here.'), random));
  app.onError((thrown, c) => deviceErrorAnswer(c, toAppError(thrown, deps.log, c.get('requestId')), random));
  return app;
}
