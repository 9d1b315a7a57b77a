import { Hono } from 'hono';
import { type AppEnv, allowOnly, bearerCredential } from '../http/device-answer.ts';
import { AppError } from '../platform/errors.ts';
import type { MetricsRegistry } from '../platform/metrics.ts';
import { secretDigest } from '../platform/secrets.ts';

/** `GET /metrics`, in the text format of Prometheus; with a token, for its bearers only. */
export function metricsRoutes(
  registry: Pick<MetricsRegistry, 'text' | 'contentType'>,
  token: string | undefined,
): Hono<AppEnv> {
  const expected = token === undefined ? undefined : secretDigest(token);
  const app = new Hono<AppEnv>();
  app.get('/metrics', async (c) => {
    if (expected && !expected.matches(bearerCredential(c))) {
      throw new AppError('bad_credential', 'Send METRICS_TOKEN as the bearer credential.');
    }
    c.header('Cache-Control', 'no-store');
    return c.body(await registry.text(), 200, { 'Content-Type': registry.contentType });
  });
  allowOnly(app, '/metrics', 'GET, HEAD');
  return app;
}
