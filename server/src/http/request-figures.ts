import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes, routePath } from 'hono/route';
import type { Metrics } from '../platform/metrics.ts';
import type { AppEnv } from './device-answer.ts';

const BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30];
const TOKEN_ROUTE = '/auth/devices/request';
const OTHER = 'other';

/** Counts requests by route and status, their failures by reason, and how token requests end. */
export function countRequests(metrics: Metrics): MiddlewareHandler<AppEnv> {
  const requests = metrics.counter({
    name: 'siot_http_requests_total',
    help: 'HTTP requests by route and status.',
    labels: ['method', 'route', 'status'],
  });
  const duration = metrics.duration({
    name: 'siot_http_request_duration_seconds',
    help: 'Time until the answer began, by route.',
    labels: ['route'],
    buckets: BUCKETS,
  });
  const failures = metrics.counter({
    name: 'siot_http_failures_total',
    help: 'Requests that failed, by route and reason.',
    labels: ['route', 'reason'],
  });
  const tokens = metrics.counter({
    name: 'siot_token_requests_total',
    help: 'Token requests by result and reason.',
    labels: ['result', 'reason'],
  });
  return async (c, next) => {
    const startedAt = performance.now();
    await next();
    const route = routeOf(c);
    const reason = c.get('failure');
    requests({ method: c.req.method, route, status: String(c.res.status) });
    duration({ route }, (performance.now() - startedAt) / 1000);
    if (reason !== undefined) failures({ route, reason });
    if (route === TOKEN_ROUTE) tokens({ result: resultOf(c.res.status), reason: reason ?? 'none' });
  };
}

/** The pattern of the route that answered, never the path itself: clients choose paths. */
function routeOf(c: Context): string {
  const answered = routePath(c);
  if (!answered.includes('*')) return answered;
  return matchedRoutes(c).findLast(({ path }) => !path.includes('*'))?.path ?? OTHER;
}

function resultOf(status: number): 'issued' | 'refused' | 'failed' {
  if (status < 400) return 'issued';
  return status < 500 ? 'refused' : 'failed';
}
