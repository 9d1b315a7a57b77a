import { Hono } from 'hono';
import type { ApiEnv } from '../http/actor.ts';
import { type BulkRoutesDeps, bulkRoutes } from './bulk-routes.ts';
import { transferRoutes } from './transfer-routes.ts';

/** What operators do to many devices at once: actions, keys, and CSV in and out. */
export function createBulk(deps: BulkRoutesDeps) {
  return {
    operatorRoutes: new Hono<ApiEnv>().route('/', transferRoutes(deps)).route('/', bulkRoutes(deps)),
  };
}
