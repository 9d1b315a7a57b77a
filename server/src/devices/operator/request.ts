import type { Context } from 'hono';
import { auditOrigin } from '../../audit/audit.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { requireCurrentVersion } from '../../http/etag.ts';
import type { Clock } from '../../platform/clock.ts';
import type { ChangeRequest } from '../change-device.ts';

/** A request of `/api/v1` as the verbs of devices take it. */
export function changeRequest(c: Context<ApiEnv>, clock: Clock): ChangeRequest {
  return {
    origin: auditOrigin(c, clock.now()),
    checkVersion: (version) => requireCurrentVersion(c, version),
  };
}
