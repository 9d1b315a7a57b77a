import { Hono } from 'hono';
import { z } from 'zod';
import { changeAnswer } from '../devices/device.ts';
import { answerChange, changeRequest, deviceParam } from '../devices/operator/request.ts';
import { type ApiEnv, requireAdmin } from '../http/actor.ts';
import { describeOperation } from '../http/describe.ts';
import { validate } from '../http/validate.ts';
import { deviceUuid } from '../platform/uuid.ts';
import { type PairingDeps, pairDevices, unpairDevice } from './verbs.ts';

const pairing = z.strictObject({ master: deviceUuid });

/** Pairing by operators. */
export function operatorPairingRoutes(deps: Pick<PairingDeps, 'db' | 'clock' | 'changes'>) {
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
      validate('param', deviceParam),
      validate('json', pairing),
      async (c) => {
        const { master } = c.req.valid('json');
        const request = changeRequest(c, deps.clock);
        return answerChange(c, await pairDevices(deps, c.req.valid('param').id, master, request));
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
      validate('param', deviceParam),
      async (c) => {
        const request = changeRequest(c, deps.clock);
        return answerChange(c, await unpairDevice(deps, c.req.valid('param').id, request));
      },
    );
}
