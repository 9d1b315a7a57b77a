import { type Context, Hono } from 'hono';
import { changeAnswer, devicePath, pairing } from '../../contract/api/devices.ts';
import type { DevicesDeps } from '../devices/change-device.ts';
import { type ChangeOutcome, toChangeAnswer } from '../devices/device.ts';
import { changeRequest } from '../devices/operator/request.ts';
import { type ApiEnv, requireAdmin } from '../http/actor.ts';
import { describeOperation } from '../http/describe.ts';
import { setEntityTag } from '../http/etag.ts';
import { validate } from '../http/validate.ts';
import { pairDevices, unpairDevice } from './pair-devices.ts';

/** Pairing by operators. */
export function operatorPairingRoutes(deps: DevicesDeps) {
  return new Hono<ApiEnv>()
    .put(
      '/devices/:id/master',
      requireAdmin,
      describeOperation({
        id: 'pairDevice',
        tag: 'Devices',
        summary: 'Pair an agent with a master',
        description: 'An agent that has another master moves. Both devices stay connected.',
        answer: changeAnswer,
        admin: true,
        ifMatch: true,
        problems: ['not-found', 'validation-failed', 'conflict'],
      }),
      validate('param', devicePath),
      validate('json', pairing),
      async (c) => {
        const { master } = c.req.valid('json');
        const request = changeRequest(c, deps.clock);
        return answer(c, await pairDevices(deps, c.req.valid('param').id, master, request));
      },
    )
    .delete(
      '/devices/:id/master',
      requireAdmin,
      describeOperation({
        id: 'unpairDevice',
        tag: 'Devices',
        summary: 'End the pairing of an agent',
        description:
          'Subscriptions that are no longer allowed are ended before this answers. Both devices stay connected.',
        answer: changeAnswer,
        admin: true,
        ifMatch: true,
        problems: ['not-found', 'conflict'],
      }),
      validate('param', devicePath),
      async (c) => {
        const request = changeRequest(c, deps.clock);
        return answer(c, await unpairDevice(deps, c.req.valid('param').id, request));
      },
    );
}

function answer(c: Context<ApiEnv>, outcome: ChangeOutcome) {
  setEntityTag(c, outcome.device.version);
  return c.json(toChangeAnswer(outcome));
}
