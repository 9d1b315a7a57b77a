import { Hono } from 'hono';
import type { ApiEnv } from '../../http/actor.ts';
import { stateRoutes } from '../lifecycle/routes.ts';
import { type DeviceRoutesDeps, deviceRoutes } from './device-routes.ts';
import { summaryRoutes } from './summarize-devices.ts';

export type OperatorDeviceRoutesDeps = DeviceRoutesDeps;

/** The routes of `/api/v1/devices`, without pairing. */
export function operatorDeviceRoutes(deps: OperatorDeviceRoutesDeps) {
  return new Hono<ApiEnv>()
    .route('/', summaryRoutes(deps))
    .route('/', deviceRoutes(deps))
    .route('/', stateRoutes(deps));
}
