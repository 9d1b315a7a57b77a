import { Hono } from 'hono';
import type { ApiEnv } from '../../http/actor.ts';
import { operatorPairingRoutes } from '../../pairing/operator-routes.ts';
import { stateRoutes } from '../lifecycle/routes.ts';
import { transferRoutes } from '../transfer/routes.ts';
import { type FleetDeviceRoutesDeps, fleetDeviceRoutes } from './device-routes.ts';
import { summaryRoutes } from './summarize-devices.ts';

export type FleetRoutesDeps = FleetDeviceRoutesDeps;

/** All routes of `/api/v1/devices`. */
export function fleetRoutes(deps: FleetRoutesDeps) {
  return new Hono<ApiEnv>()
    .route('/', transferRoutes(deps))
    .route('/', summaryRoutes(deps))
    .route('/', fleetDeviceRoutes(deps))
    .route('/', stateRoutes(deps))
    .route('/', operatorPairingRoutes(deps));
}
