import { Hono } from 'hono';
import { type AppEnv, deviceErrorAnswer } from '../http/device-answer.ts';
import { toAppError } from '../http/failure.ts';
import { listen } from '../http/listen.ts';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { MetricsRegistry } from '../platform/metrics.ts';
import type { Random } from '../platform/random.ts';
import { processFigures } from './process-figures.ts';
import { metricsRoutes } from './routes.ts';

export interface MetricsFeatureDeps {
  readonly registry: MetricsRegistry;
  readonly random: Random;
  readonly log: Logger;
  /** Port of a listener of its own; without one the main port answers, if there is a token. */
  readonly metricsPort: number | undefined;
  readonly metricsToken: string | undefined;
}

const LISTENER = { idleTimeout: 30, maxRequestBodySize: 1_024 } as const;

/** `/metrics`: on a port of its own (`METRICS_PORT`), or on the main one for bearers of `METRICS_TOKEN`; else nowhere. */
export function createMetricsPage(deps: MetricsFeatureDeps) {
  const { registry, metricsPort, metricsToken } = deps;
  const isServed = metricsPort !== undefined || metricsToken !== undefined;
  const ofProcess = processFigures(registry);
  const routes = metricsRoutes(registry, metricsToken);
  let listener: ReturnType<typeof listen> | undefined;

  return {
    openRoutes: metricsPort === undefined && isServed ? routes : undefined,
    /** Port of the listener of its own, once started. */
    port: () => listener?.port,
    start() {
      if (isServed) ofProcess.start();
      if (metricsPort === undefined) return;
      listener = listen({ port: metricsPort, ...LISTENER, fetch: ownApp(deps, routes).fetch });
      deps.log.info({ port: listener.port }, 'listening for metrics');
    },
    async close() {
      ofProcess.close();
      await listener?.stop(true);
    },
  };
}

function ownApp({ log, random }: MetricsFeatureDeps, routes: Hono<AppEnv>): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.route('/', routes);
  app.notFound((c) =>
    deviceErrorAnswer(c, new AppError('not_found', 'Nothing exists at this path.'), random),
  );
  app.onError((thrown, c) => deviceErrorAnswer(c, toAppError(thrown, log, 'metrics'), random));
  return app;
}
