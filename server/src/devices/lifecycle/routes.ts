import { Hono } from 'hono';
import { revocation } from '../../../contract/api/bulk.ts';
import { changeAnswer, devicePath, removalAnswer } from '../../../contract/api/devices.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import type { ChangeDeps } from '../change-device.ts';
import { answerChange, changeRequest } from '../operator/request.ts';
import { approveDevice } from './approve-device.ts';
import { rejectDevice } from './reject-device.ts';
import { restoreDevice } from './restore-device.ts';
import { revokeDevice } from './revoke-device.ts';
import { rotateDevice } from './rotate-device.ts';

/** Approve, reject, revoke, restore and rotate devices. */
export function stateRoutes(deps: ChangeDeps) {
  const operation = (id: string, summary: string, description: string) =>
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
      operation('approveDevice', 'Approve a pending device', 'Its next token request succeeds.'),
      param,
      async (c) => {
        const request = changeRequest(c, deps.clock);
        return answerChange(c, await approveDevice(deps, c.req.valid('param').id, request));
      },
    )
    .post(
      '/devices/:id/reject',
      requireAdmin,
      operation(
        'rejectDevice',
        'Reject a pending device',
        'Removes its registration. The device can register again; to block it permanently, revoke it.',
      ),
      param,
      async (c) => c.json(await rejectDevice(deps, c.req.valid('param').id, changeRequest(c, deps.clock))),
    )
    .post(
      '/devices/:id/revoke',
      requireAdmin,
      operation(
        'revokeDevice',
        'Revoke a device',
        'Denies it tokens, ends its session and bans its client id.',
      ),
      param,
      validate('json', revocation),
      async (c) => {
        const request = { ...changeRequest(c, deps.clock), ...c.req.valid('json') };
        return answerChange(c, await revokeDevice(deps, c.req.valid('param').id, request));
      },
    )
    .post(
      '/devices/:id/restore',
      requireAdmin,
      operation(
        'restoreDevice',
        'Restore a revoked device',
        'Starts a new generation: earlier tokens stay invalid.',
      ),
      param,
      async (c) => {
        const request = changeRequest(c, deps.clock);
        return answerChange(c, await restoreDevice(deps, c.req.valid('param').id, request));
      },
    )
    .post(
      '/devices/:id/rotate',
      requireAdmin,
      operation(
        'rotateDevice',
        'Replace the credentials of a device',
        'Starts a new generation: invalidates its tokens and ends its session; the device requests a new token. Not idempotent: send If-Match to make retries safe.',
      ),
      param,
      async (c) => {
        const request = changeRequest(c, deps.clock);
        return answerChange(c, await rotateDevice(deps, c.req.valid('param').id, request));
      },
    );
}
