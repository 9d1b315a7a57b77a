import { Hono } from 'hono';
import { z } from 'zod';
import {
  commandGroupDetail,
  commandGroupPage,
  commandGroupPath,
  commandGroupQuery,
  commandGroupRequest,
  groupCommandQuery,
} from '../../../contract/api/command-groups.ts';
import { commandHeaders, commandPage } from '../../../contract/api/commands.ts';
import { auditOrigin } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { cursor, cutPage } from '../../http/cursor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import { toCommandAnswer } from '../command.ts';
import type { CommandRoutesDeps } from '../routes.ts';
import { listCommands } from '../store.ts';
import { cancelGroup } from './cancel-group.ts';
import { createGroup } from './create-group.ts';
import { describeGroup, describeGroups, listGroups, readGroup } from './store.ts';

const tag = 'Commands';
const listQuery = commandGroupQuery.extend({ cursor: cursor(z.int().min(0)) });
const commandsQuery = groupCommandQuery.extend({ cursor: cursor(z.int().min(0)) });

/** One command to many devices. */
export function commandGroupRoutes(deps: Pick<CommandRoutesDeps, 'db' | 'random' | 'clock' | 'sender'>) {
  const { db, clock, sender } = deps;
  return new Hono<ApiEnv>()
    .post(
      '/command-groups',
      requireAdmin,
      describeOperation({
        id: 'sendCommandGroup',
        tag,
        summary: 'Send a command to many devices',
        description:
          'To all devices with a tag, all agents of a master, or up to 10,000 devices by UUID. All commands are queued in one transaction; devices that are not active or have 16 open commands are refused and named. 201 for a new group; 200 if `Idempotency-Key` names an earlier request.',
        answer: commandGroupDetail,
        status: 201,
        admin: true,
        problems: ['conflict', 'validation-failed', 'bad-request'],
      }),
      validate('header', commandHeaders),
      validate('json', commandGroupRequest),
      async (c) => {
        const key = c.req.valid('header')['idempotency-key'];
        const origin = auditOrigin(c, clock.now());
        const { group, created, deviceIds } = await createGroup(deps, c.req.valid('json'), key, origin);
        for (const id of deviceIds) sender.send(id);
        return c.json(await describeGroup(db, group), created ? 201 : 200);
      },
    )
    .get(
      '/command-groups',
      describeOperation({
        id: 'listCommandGroups',
        tag,
        summary: 'List command groups with their progress, newest first',
        answer: commandGroupPage,
        problems: ['bad-request'],
      }),
      validate('query', listQuery),
      async (c) => {
        const { limit, cursor: before } = c.req.valid('query');
        const page = cutPage(await listGroups(db, { before, limit: limit + 1 }), limit, (last) => last.seq);
        return c.json({ items: await describeGroups(db, page.rows), next: page.next });
      },
    )
    .get(
      '/command-groups/:id',
      describeOperation({
        id: 'readCommandGroup',
        tag,
        summary: 'Read the progress of a command group, and which devices were refused',
        answer: commandGroupDetail,
        problems: ['not-found'],
      }),
      validate('param', commandGroupPath),
      async (c) => c.json(await describeGroup(db, await readGroup(db, c.req.valid('param').id))),
    )
    .get(
      '/command-groups/:id/commands',
      describeOperation({
        id: 'listGroupCommands',
        tag,
        summary: 'List the commands of a group, newest first',
        answer: commandPage,
        problems: ['not-found', 'bad-request'],
      }),
      validate('param', commandGroupPath),
      validate('query', commandsQuery),
      async (c) => {
        const { id } = c.req.valid('param');
        const { limit, state, cursor: before } = c.req.valid('query');
        await readGroup(db, id);
        const rows = await listCommands(db, { groupId: id }, { state, before, limit: limit + 1 });
        const page = cutPage(rows, limit, (last) => last.seq);
        return c.json({ items: page.rows.map(toCommandAnswer), next: page.next });
      },
    )
    .delete(
      '/command-groups/:id',
      requireAdmin,
      describeOperation({
        id: 'cancelCommandGroup',
        tag,
        summary: 'Cancel the commands of a group that are not finished',
        description: 'Those with `attempts` above 0 may have been executed, or may be yet.',
        answer: commandGroupDetail,
        admin: true,
        problems: ['not-found'],
      }),
      validate('param', commandGroupPath),
      async (c) => {
        const { id } = c.req.valid('param');
        const { group, deviceIds } = await cancelGroup(db, id, auditOrigin(c, clock.now()));
        for (const device of deviceIds) sender.send(device);
        return c.json(await describeGroup(db, group));
      },
    );
}
