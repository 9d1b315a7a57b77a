import { and, desc, eq, lt } from 'drizzle-orm';
import type { CommandState } from '../../contract/roles.ts';
import type { Queryable } from '../platform/db/client.ts';
import { commands } from '../platform/db/schema.ts';
import { AppError } from '../platform/errors.ts';
import type { CommandRow } from './command.ts';

/** @throws AppError `not_found`. */
export async function readCommand(db: Queryable, deviceId: string, id: string): Promise<CommandRow> {
  const [row] = await db
    .select()
    .from(commands)
    .where(and(eq(commands.id, id), eq(commands.deviceId, deviceId)));
  if (!row) throw new AppError('not_found', `The device ${deviceId} has no command ${id}.`);
  return row;
}

/** The newest commands of a device or a group below `before`, in the order of their numbers. */
export async function listCommands(
  db: Queryable,
  of: { readonly deviceId: string } | { readonly groupId: string },
  {
    state,
    before,
    limit,
  }: {
    readonly state: CommandState | undefined;
    readonly before: number | undefined;
    readonly limit: number;
  },
): Promise<CommandRow[]> {
  return await db
    .select()
    .from(commands)
    .where(
      and(
        'deviceId' in of ? eq(commands.deviceId, of.deviceId) : eq(commands.groupId, of.groupId),
        state && eq(commands.state, state),
        before === undefined ? undefined : lt(commands.seq, before),
      ),
    )
    .orderBy(desc(commands.seq))
    .limit(limit);
}
