import type { Context } from 'hono';
import { auditOrigin } from '../../audit/audit.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { requireCurrentVersion, setEntityTag } from '../../http/etag.ts';
import type { Clock } from '../../platform/clock.ts';
import type { ChangeRequest } from '../change-device.ts';
import { type ChangeOutcome, toChangeAnswer } from '../device.ts';

/** Who asks for a change, from a request of `/api/v1`. */
export function changeRequest(c: Context<ApiEnv>, clock: Clock): ChangeRequest {
  return {
    origin: auditOrigin(c, clock.now()),
    checkVersion: (version) => requireCurrentVersion(c, version),
  };
}

/** Answers a change with the device, its entity tag and the receipt. */
export function answerChange(c: Context<ApiEnv>, outcome: ChangeOutcome) {
  setEntityTag(c, outcome.device.version);
  return c.json(toChangeAnswer(outcome));
}
