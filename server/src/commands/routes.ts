import { Hono } from 'hono';
import { z } from 'zod';
import {
  commandAnswer,
  commandHeaders,
  commandPage,
  commandPath,
  commandQuery,
  commandRequest,
  commandWait,
} from '../../contract/api/commands.ts';
import { devicePath } from '../../contract/api/devices.ts';
import { auditOrigin } from '../audit/audit.ts';
import { unknownDevice } from '../devices/change-device.ts';
import { findDevice } from '../devices/device.ts';
import { type ApiEnv, requireAdmin } from '../http/actor.ts';
import { cursor, cutPage } from '../http/cursor.ts';
import { describeOperation } from '../http/describe.ts';
import { validate } from '../http/validate.ts';
import type { Clock } from '../platform/clock.ts';
import { cancelCommand } from './cancel-command.ts';
import { toCommandAnswer } from './command.ts';
import { type CreateCommandDeps, createCommand } from './create-command.ts';
import type { Sender } from './sender.ts';
import { listCommands, readCommand } from './store.ts';
import { awaitReply } from './wait.ts';

export interface CommandRoutesDeps extends CreateCommandDeps {
  readonly clock: Clock;
  readonly sender: Pick<Sender, 'send'>;
  readonly stopping: AbortSignal;
}

const tag = 'Commands';
const query = commandQuery.extend({ cursor: cursor(z.int().min(0)) });

/** Commands to one device. */
export function commandRoutes(deps: CommandRoutesDeps) {
  const { db, clock, sender } = deps;
  return new Hono<ApiEnv>()
    .post(
      '/devices/:id/commands',
      requireAdmin,
      describeOperation({
        id: 'sendCommand',
        tag,
        summary: 'Send a command to a device',
        description:
          'Goes out when the device listens, one at a time and in order, and is repeated until the device replies or it expires. 201 for a new command; 200 if `Idempotency-Key` names an earlier request. With `wait` the answer is held until the reply arrives or that time has passed: check `state`.',
        answer: commandAnswer,
        status: 201,
        admin: true,
        problems: ['not-found', 'conflict', 'validation-failed', 'bad-request'],
      }),
      validate('param', devicePath),
      validate('query', commandWait),
      validate('header', commandHeaders),
      validate('json', commandRequest),
      async (c) => {
        const { id } = c.req.valid('param');
        const key = c.req.valid('header')['idempotency-key'];
        const origin = auditOrigin(c, clock.now());
        const { command, created } = await createCommand(deps, id, c.req.valid('json'), key, origin);
        sender.send(id);
        const signal = AbortSignal.any([deps.stopping, c.req.raw.signal]);
        const latest = await awaitReply({ db, clock }, command, c.req.valid('query').wait, signal);
        return c.json(toCommandAnswer(latest), created ? 201 : 200);
      },
    )
    .get(
      '/devices/:id/commands',
      describeOperation({
        id: 'listCommands',
        tag,
        summary: 'List the commands of a device, newest first',
        description: 'Finished ones are kept for 90 days.',
        answer: commandPage,
        problems: ['not-found', 'bad-request'],
      }),
      validate('param', devicePath),
      validate('query', query),
      async (c) => {
        const { id } = c.req.valid('param');
        const { limit, state, cursor: before } = c.req.valid('query');
        if (!(await findDevice(db, id))) throw unknownDevice(id);
        const rows = await listCommands(db, { deviceId: id }, { state, before, limit: limit + 1 });
        const page = cutPage(rows, limit, (last) => last.seq);
        return c.json({ items: page.rows.map(toCommandAnswer), next: page.next });
      },
    )
    .get(
      '/devices/:id/commands/:command',
      describeOperation({
        id: 'readCommand',
        tag,
        summary: 'Read a command',
        answer: commandAnswer,
        problems: ['not-found'],
      }),
      validate('param', commandPath),
      async (c) => {
        const { id, command } = c.req.valid('param');
        return c.json(toCommandAnswer(await readCommand(db, id, command)));
      },
    )
    .delete(
      '/devices/:id/commands/:command',
      requireAdmin,
      describeOperation({
        id: 'cancelCommand',
        tag,
        summary: 'Cancel a command',
        description:
          'It is not sent any more. If `attempts` is above 0, the device may have executed it or do so yet.',
        answer: commandAnswer,
        admin: true,
        problems: ['not-found', 'conflict'],
      }),
      validate('param', commandPath),
      async (c) => {
        const { id, command } = c.req.valid('param');
        const cancelled = await cancelCommand(db, id, command, auditOrigin(c, clock.now()));
        sender.send(id);
        return c.json(toCommandAnswer(cancelled));
      },
    );
}
