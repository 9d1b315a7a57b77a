import { sql } from 'drizzle-orm';
import type { CommandEvent } from '../../contract/api/events.ts';
import { changedSince } from '../platform/db/changes-since.ts';
import { markedChanges } from '../platform/db/marked-changes.ts';
import { commands } from '../platform/db/schema.ts';
import type { LiveSource } from '../platform/live-source.ts';

/** Commands that were queued or came into another state. */
export const commandSource: LiveSource = {
  kind: 'command',
  since: (tx, cursor, limit) =>
    markedChanges(tx, cursor, async (snapshot) => {
      const rows = await tx
        .select({
          device: commands.deviceId,
          command: commands.id,
          c: commands.name,
          group: commands.groupId,
          state: commands.state,
          error: commands.error,
          at: sql`coalesce(${commands.finishedAt}, ${commands.sentAt}, ${commands.createdAt})`.mapWith(
            commands.createdAt,
          ),
        })
        .from(commands)
        .where(changedSince(commands.changedBy, snapshot))
        .orderBy(commands.changedBy, commands.seq)
        .limit(limit + 1);
      return rows.map(({ at, ...row }) => {
        const data: CommandEvent = { ...row, at: at.toISOString() };
        return { name: 'command', data };
      });
    }),
};
