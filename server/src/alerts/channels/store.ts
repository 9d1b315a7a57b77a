import { desc, eq, lt, sql } from 'drizzle-orm';
import type { z } from 'zod';
import type {
  AlertChannel,
  AlertDelivery,
  alertDeliveryQuery,
} from '../../../contract/api/alert-channels.ts';
import type { OperatorRole } from '../../../contract/roles.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { alertChannels, alertMessages } from '../../platform/db/schema.ts';
import { AppError } from '../../platform/errors.ts';
import { type ChannelRow, toAlertChannel } from './channel.ts';

/** All channels, newest first. */
export async function listChannels(db: Queryable, role: OperatorRole): Promise<AlertChannel[]> {
  const rows = await db
    .select()
    .from(alertChannels)
    .orderBy(desc(alertChannels.createdAt), desc(alertChannels.id));
  const queued = await countQueued(db);
  return rows.map((row) => toAlertChannel(row, queued.get(row.id) ?? 0, role));
}

export async function describeChannel(
  db: Queryable,
  row: ChannelRow,
  role: OperatorRole,
): Promise<AlertChannel> {
  return toAlertChannel(row, (await countQueued(db)).get(row.id) ?? 0, role);
}

/** @throws AppError `not_found`. */
export async function readChannel(db: Queryable, id: string): Promise<ChannelRow> {
  const [row] = await db.select().from(alertChannels).where(eq(alertChannels.id, id));
  if (!row) throw unknownChannel(id);
  return row;
}

/** @throws AppError `not_found`. */
export async function lockChannel(tx: Queryable, id: string): Promise<ChannelRow> {
  const [row] = await tx.select().from(alertChannels).where(eq(alertChannels.id, id)).for('update');
  if (!row) throw unknownChannel(id);
  return row;
}

async function countQueued(db: Queryable): Promise<ReadonlyMap<string, number>> {
  const rows = await db.execute<{ id: string; queued: number }>(sql`
    select channel_id as id, count(*)::int as queued from alert_messages where state = 'queued' group by channel_id`);
  return new Map(rows.map(({ id, queued }) => [id, queued]));
}

/** The messages of a channel below `before`, newest first. */
export async function listDeliveries(
  db: Queryable,
  channelId: string,
  { state, limit }: z.output<typeof alertDeliveryQuery>,
  before: number | undefined,
): Promise<(AlertDelivery & { readonly seq: number })[]> {
  const rows = await db
    .select()
    .from(alertMessages)
    .where(
      sql`${eq(alertMessages.channelId, channelId)}
        and ${state === undefined ? sql`true` : eq(alertMessages.state, state)}
        and ${before === undefined ? sql`true` : lt(alertMessages.seq, before)}`,
    )
    .orderBy(desc(alertMessages.seq))
    .limit(limit);
  return rows.map((row) => ({
    seq: row.seq,
    id: row.id,
    state: row.state,
    title: row.title,
    alerts: row.alerts,
    attempts: row.attempts,
    createdAt: row.createdAt.toISOString(),
    nextAttemptAt: row.state === 'queued' ? row.nextAttemptAt.toISOString() : null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    status: row.status,
    error: row.error,
  }));
}

function unknownChannel(id: string): AppError {
  return new AppError('not_found', `Alert channel ${id} not found.`);
}
