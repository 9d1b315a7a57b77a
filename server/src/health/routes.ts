import { Hono } from 'hono';
import type { AppEnv } from '../http/device-answer.ts';
import { allowOnly } from '../http/device-answer.ts';

/** One part the server depends on: `ok`, which a remark may follow, or in a few words what is wrong. */
export type Check = () => string | Promise<string>;

export interface HealthDeps {
  readonly checks: Readonly<Record<string, Check>>;
}

/**
 * `/health/live`: the process runs. `/health/ready`: 200 when the database and the broker can be used, else 503; either
 * way each part's state. A server that is not ready because of the broker still issues tokens.
 */
export function healthRoutes(deps: HealthDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get('/health/live', (c) => {
    c.header('Cache-Control', 'no-store');
    return c.json({ status: 'ok' });
  });
  allowOnly(app, '/health/live', 'GET, HEAD');

  app.get('/health/ready', async (c) => {
    const names = Object.keys(deps.checks);
    const states = await Promise.all(Object.values(deps.checks).map((check) => check()));
    const ready = states.every((state) => /^ok\b/.test(state));
    c.header('Cache-Control', 'no-store');
    return c.json(
      {
        status: ready ? 'ok' : 'unavailable',
        checks: Object.fromEntries(names.map((name, index) => [name, states[index]])),
      },
      ready ? 200 : 503,
    );
  });
  allowOnly(app, '/health/ready', 'GET, HEAD');

  return app;
}
