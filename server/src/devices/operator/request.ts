import type { Context } from 'hono';
import { z } from 'zod';
import { auditOrigin } from '../../audit/audit.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { requireCurrentVersion } from '../../http/etag.ts';
import type { Clock } from '../../platform/clock.ts';
import { deviceUuid } from '../../platform/uuid.ts';
import type { ChangeRequest } from '../change-device.ts';

/** The path parameter of every route of one device. */
export const deviceParam = z.object({ id: deviceUuid });

/** A request of `/api/v1` as the verbs of devices take it. */
export function changeRequest(c: Context<ApiEnv>, clock: Clock): ChangeRequest {
  return {
    origin: auditOrigin(c, clock.now()),
    checkVersion: (version) => requireCurrentVersion(c, version),
  };
}
