import { Hono } from 'hono';
import type { ApiEnv } from '../api/actor.ts';
import { operatorPairingRoutes } from '../pairing/routes.ts';
import { type FleetDeviceRoutesDeps, fleetDeviceRoutes } from './device-routes.ts';
import { stateRoutes } from './state-routes.ts';
import { transferRoutes } from './transfer-routes.ts';

export type FleetRoutesDeps = FleetDeviceRoutesDeps;

/** All routes of `/api/v1/devices`. */
export function fleetRoutes(deps: FleetRoutesDeps) {
  return new Hono<ApiEnv>()
    .route('/', transferRoutes(deps))
    .route('/', fleetDeviceRoutes(deps))
    .route('/', stateRoutes(deps))
    .route('/', operatorPairingRoutes(deps));
}
