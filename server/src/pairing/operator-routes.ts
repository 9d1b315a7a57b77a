import { Hono } from 'hono';
import { changeAnswer, devicePath, pairing } from '../../contract/api/devices.ts';
import { answerChange, changeRequest } from '../devices/operator/request.ts';
import { type ApiEnv, requireAdmin } from '../http/actor.ts';
import { describeOperation } from '../http/describe.ts';
import { validate } from '../http/validate.ts';
import { type PairingDeps, pairDevices, unpairDevice } from './verbs.ts';

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
        description: 'Moves an agent that is paired with another master. Both devices stay connected.',
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
        return answerChange(c, await pairDevices(deps, c.req.valid('param').id, master, request));
      },
    )
    .delete(
      '/devices/:id/master',
      requireAdmin,
      describeOperation({
        id: 'unpairDevice',
        tag: 'Devices',
        summary: 'Unpair an agent',
        description:
          'Ends subscriptions that are no longer allowed before it answers. Both devices stay connected.',
        answer: changeAnswer,
        admin: true,
        ifMatch: true,
        problems: ['not-found', 'conflict'],
      }),
      validate('param', devicePath),
      async (c) => {
        const request = changeRequest(c, deps.clock);
        return answerChange(c, await unpairDevice(deps, c.req.valid('param').id, request));
      },
    );
}
