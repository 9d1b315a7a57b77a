import { type SQL, sql } from 'drizzle-orm';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import type { Queryable } from './client.ts';

/** As PostgreSQL writes a snapshot: `xmin:xmax:xip,…`. */
const SNAPSHOT = /^\d{1,20}:\d{1,20}:[\d,]{0,4000}$/;

/**
 * Whether a row's change mark (`changeMark`) was set by a transaction that a snapshot did not see. A mark that is ahead of
 * this database came with a dump of another one, and is no change.
 */
export function changedSince(column: AnyPgColumn, snapshot: string): SQL {
  return sql`(${column} >= pg_snapshot_xmin(${snapshot}::pg_snapshot)
    and ${column} < pg_snapshot_xmax(pg_current_snapshot())
    and not pg_visible_in_snapshot(${column}, ${snapshot}::pg_snapshot))`;
}

/** The snapshot that a statement, or a transaction that is `repeatable read`, sees. */
export async function currentSnapshot(db: Queryable): Promise<string> {
  const [row] = await db.execute<{ now: string }>(sql`select pg_current_snapshot()::text as now`);
  if (!row) throw new Error('the database told no snapshot');
  return row.now;
}

/** Whether a snapshot that came from a client can be one of this database; one of before a restore is not. */
export function isBefore(snapshot: string, current: string): boolean {
  return SNAPSHOT.test(snapshot) && isWellOrdered(snapshot) && xmax(snapshot) <= xmax(current);
}

function xmax(snapshot: string): bigint {
  return BigInt(snapshot.split(':')[1] ?? 0);
}

/** What PostgreSQL would refuse to read as a snapshot, it would refuse with an error. */
function isWellOrdered(snapshot: string): boolean {
  const [xmin = '', xmaxText = '', xip = ''] = snapshot.split(':');
  const running = xip === '' ? [] : xip.split(',').map((text) => (text === '' ? -1n : BigInt(text)));
  const [low, high] = [BigInt(xmin), BigInt(xmaxText)];
  if (low < 1n || low > high || high > 2n ** 63n - 1n) return false;
  return running.every((id, at) => id >= low && id < high && (at === 0 || id > (running[at - 1] ?? 0n)));
}
