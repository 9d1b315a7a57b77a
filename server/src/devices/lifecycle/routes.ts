import { Hono } from 'hono';
import type { z } from 'zod';
import { revocation } from '../../../contract/api/bulk.ts';
import {
  changeAnswer,
  devicePath,
  removalAnswer,
  rotationAnswer,
  rotationQuery,
} from '../../../contract/api/devices.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { setEntityTag } from '../../http/etag.ts';
import { validate } from '../../http/validate.ts';
import type { ChangeDeps } from '../change-device.ts';
import { toChangeAnswer } from '../device.ts';
import { answerChange, changeRequest } from '../operator/request.ts';
import { approveDevice } from './approve-device.ts';
import { rejectDevice } from './reject-device.ts';
import { restoreDevice } from './restore-device.ts';
import { revokeDevice } from './revoke-device.ts';
import { rotateDevice } from './rotate-device.ts';

/** Approve, reject, revoke, restore and rotate devices. */
export function stateRoutes(deps: ChangeDeps) {
  const operation = (id: string, summary: string, description: string, answer: z.ZodType = changeAnswer) =>
    describeOperation({
      id,
      tag: 'Devices',
      summary,
      description,
      answer,
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
        removalAnswer,
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
        'Starts a new generation: invalidates its tokens and ends its session; the device requests a new token. With `key=true`, also raises its key number: its device key is replaced, the old one is answered `superseded`, and the device stays out until it has the new one, which `POST /api/v1/devices/{id}/key` shows. A role secret still reaches the device unless `DEVICE_CREDENTIALS=derived`. `replaced` says what was replaced. Not idempotent: send If-Match to make retries safe.',
        rotationAnswer,
      ),
      param,
      validate('query', rotationQuery),
      async (c) => {
        const request = changeRequest(c, deps.clock);
        const outcome = await rotateDevice(deps, c.req.valid('param').id, request, c.req.valid('query'));
        setEntityTag(c, outcome.device.version);
        return c.json({ ...toChangeAnswer(outcome), replaced: [...outcome.replaced] });
      },
    );
}
