import { z } from 'zod';
import type { CommandAnswer } from '../../contract/api/commands.ts';
import { command as message } from '../../contract/messages.ts';
import type { commands } from '../platform/db/schema.ts';

export type CommandRow = typeof commands.$inferSelect;

const stored = z.string().transform((text): unknown => JSON.parse(text));

export function toCommandAnswer(row: CommandRow): CommandAnswer {
  const { a = null } = stored.pipe(message).parse(row.payload);
  return {
    id: row.id,
    device: row.deviceId,
    group: row.groupId,
    c: row.name,
    a,
    state: row.state,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    attempts: row.attempts,
    sentAt: row.sentAt?.toISOString() ?? null,
    repliedAt: row.repliedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    replies: row.replies,
    result: row.result === null ? null : stored.parse(row.result),
    error: row.error,
  };
}

/** Whether it may still be sent and answered. */
export function isOpen({ state }: Pick<CommandRow, 'state'>): boolean {
  return state === 'queued' || state === 'sent';
}
