import { type Context, Hono } from 'hono';
import { changeAnswer, devicePath, removalAnswer } from '../../../contract/api/devices.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { setEntityTag } from '../../http/etag.ts';
import { validate } from '../../http/validate.ts';
import type { DevicesDeps } from '../change-device.ts';
import { type ChangeOutcome, toChangeAnswer } from '../device.ts';
import { changeRequest } from '../operator/request.ts';
import { approveDevice } from './approve-device.ts';
import { rejectDevice } from './reject-device.ts';
import { restoreDevice } from './restore-device.ts';
import { revokeDevice } from './revoke-device.ts';
import { rotateDevice } from './rotate-device.ts';

/** What lets devices in and shuts them out. */
export function stateRoutes(deps: DevicesDeps) {
  const toBe = (id: string, summary: string, description: string) =>
    describeOperation({
      id,
      tag: 'Devices',
      summary,
      description,
      answer: id === 'rejectDevice' ? removalAnswer : changeAnswer,
      admin: true,
      ifMatch: true,
      problems: ['not-found', 'conflict'],
    });
  const param = validate('param', devicePath);

  return new Hono<ApiEnv>()
    .post(
      '/devices/:id/approve',
      requireAdmin,
      toBe('approveDevice', 'Let a pending device in', 'Its next token request succeeds.'),
      param,
      async (c) => {
        const request = changeRequest(c, deps.clock);
        return answer(c, await approveDevice(deps, c.req.valid('param').id, request));
      },
    )
    .post(
      '/devices/:id/reject',
      requireAdmin,
      toBe(
        'rejectDevice',
        'Remove the registration of a pending device',
        'It may ask again; to shut it out for good, revoke it.',
      ),
      param,
      async (c) => c.json(await rejectDevice(deps, c.req.valid('param').id, changeRequest(c, deps.clock))),
    )
    .post(
      '/devices/:id/revoke',
      requireAdmin,
      toBe(
        'revokeDevice',
        'Shut a device out',
        'It gets no tokens, its session ends, its client id is banned.',
      ),
      param,
      async (c) => {
        const request = changeRequest(c, deps.clock);
        return answer(c, await revokeDevice(deps, c.req.valid('param').id, request));
      },
    )
    .post(
      '/devices/:id/restore',
      requireAdmin,
      toBe(
        'restoreDevice',
        'Let a revoked device in again',
        'It starts in a new generation: tokens from before stay dead.',
      ),
      param,
      async (c) => {
        const request = changeRequest(c, deps.clock);
        return answer(c, await restoreDevice(deps, c.req.valid('param').id, request));
      },
    )
    .post(
      '/devices/:id/rotate',
      requireAdmin,
      toBe(
        'rotateDevice',
        'Replace the credentials of a device',
        'Raises its generation: its tokens are dead, its session ends, and it comes back with a new token. Each call does so again; send If-Match to be safe from repetitions.',
      ),
      param,
      async (c) => {
        const request = changeRequest(c, deps.clock);
        return answer(c, await rotateDevice(deps, c.req.valid('param').id, request));
      },
    );
}

function answer(c: Context<ApiEnv>, outcome: ChangeOutcome) {
  setEntityTag(c, outcome.device.version);
  return c.json(toChangeAnswer(outcome));
}
