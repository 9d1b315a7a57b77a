import { desc, eq, inArray, lt, sql } from 'drizzle-orm';
import { z } from 'zod';
import {
  type CommandGroup,
  type CommandGroupDetail,
  commandGroup,
  commandGroupDetail,
  MAX_REFUSED_NAMED,
} from '../../../contract/api/command-groups.ts';
import { type CommandState, commandStates } from '../../../contract/roles.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { commandGroups, commands } from '../../platform/db/schema.ts';
import { AppError } from '../../platform/errors.ts';
import { isOpen } from '../command.ts';

export type GroupRow = typeof commandGroups.$inferSelect;

/** Commands of a group by state. */
type Counts = Partial<Record<CommandState, number>>;

const stored = z.object({
  target: commandGroup.shape.target,
  refused: commandGroupDetail.shape.refused,
});

/** @throws AppError `not_found`. */
export async function readGroup(db: Queryable, id: string): Promise<GroupRow> {
  const [row] = await db.select().from(commandGroups).where(eq(commandGroups.id, id));
  if (!row) throw new AppError('not_found', `There is no command group ${id}.`);
  return row;
}

export async function groupByKey(db: Queryable, key: string): Promise<GroupRow | undefined> {
  const [row] = await db.select().from(commandGroups).where(eq(commandGroups.idempotencyKey, key));
  return row;
}

/** Groups below `before`, newest first. */
export async function listGroups(
  db: Queryable,
  { before, limit }: { readonly before: number | undefined; readonly limit: number },
): Promise<GroupRow[]> {
  return await db
    .select()
    .from(commandGroups)
    .where(before === undefined ? undefined : lt(commandGroups.seq, before))
    .orderBy(desc(commandGroups.seq))
    .limit(limit);
}

export async function describeGroups(db: Queryable, rows: readonly GroupRow[]): Promise<CommandGroup[]> {
  const counts = await countByState(
    db,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => toAnswer(row, counts.get(row.id) ?? {}));
}

export async function describeGroup(db: Queryable, row: GroupRow): Promise<CommandGroupDetail> {
  const counts = await countByState(db, [row.id]);
  const { refused } = stored.parse(row);
  return { ...toAnswer(row, counts.get(row.id) ?? {}), refused: refused.slice(0, MAX_REFUSED_NAMED) };
}

async function countByState(db: Queryable, ids: readonly string[]): Promise<ReadonlyMap<string, Counts>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .select({ group: commands.groupId, state: commands.state, count: sql<number>`count(*)`.mapWith(Number) })
    .from(commands)
    .where(inArray(commands.groupId, [...ids]))
    .groupBy(commands.groupId, commands.state);
  const byGroup = Map.groupBy(rows, ({ group }) => group ?? '');
  return new Map(
    [...byGroup].map(([id, counts]) => [
      id,
      Object.fromEntries(counts.map(({ state, count }) => [state, count])),
    ]),
  );
}

function toAnswer(row: GroupRow, counts: Counts): CommandGroup {
  const { target, refused } = stored.parse(row);
  const of = (state: CommandState) => counts[state] ?? 0;
  const sum = commandStates.reduce((all, state) => all + of(state), 0);
  return {
    id: row.id,
    c: row.name,
    target,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    cancelledAt: row.cancelledAt?.toISOString() ?? null,
    total: row.total,
    progress: {
      queued: of('queued'),
      sent: of('sent'),
      done: of('done'),
      failed: of('failed'),
      expired: of('expired'),
      cancelled: of('cancelled'),
      removed: row.total - sum,
    },
    finished: commandStates.every((state) => !isOpen({ state }) || of(state) === 0),
    refusedTotal: refused.length,
  };
}
