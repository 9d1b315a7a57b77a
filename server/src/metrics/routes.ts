import { Hono } from 'hono';
import { deviceFailure } from '../../contract/device-answers.ts';
import { describeOpenOperation } from '../http/describe-open.ts';
import { type AppEnv, allowOnly, bearerCredential } from '../http/device-answer.ts';
import { AppError } from '../platform/errors.ts';
import type { MetricsRegistry } from '../platform/metrics.ts';
import { secretDigest } from '../platform/secrets.ts';

const describeMetrics = describeOpenOperation({
  id: 'readMetrics',
  summary: 'Figures of this instance for Prometheus',
  description: 'Answered here where `METRICS_TOKEN` is set and `METRICS_PORT` is not.',
  credential: 'metricsToken',
  answers: {
    200: { meaning: 'The text format of Prometheus', body: 'text/plain' },
    401: {
      meaning: '`FORBIDDEN` `no_credential`\n\n`FORBIDDEN` `bad_credential`',
      body: deviceFailure,
    },
  },
});

/** `GET /metrics`, in the text format of Prometheus; with a token, for its bearers only. */
export function metricsRoutes(
  registry: Pick<MetricsRegistry, 'text' | 'contentType'>,
  token: string | undefined,
): Hono<AppEnv> {
  const expected = token === undefined ? undefined : secretDigest(token);
  const app = new Hono<AppEnv>();
  app.get('/metrics', describeMetrics, async (c) => {
    if (expected && !expected.matches(bearerCredential(c))) {
      throw new AppError('bad_credential', 'Send METRICS_TOKEN as the bearer credential.');
    }
    c.header('Cache-Control', 'no-store');
    return c.body(await registry.text(), 200, { 'Content-Type': registry.contentType });
  });
  allowOnly(app, '/metrics', 'GET, HEAD');
  return app;
}
