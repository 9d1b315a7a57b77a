import { count, type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { MAX_TOTAL } from '../../../contract/api/page.ts';
import type { Queryable } from './client.ts';

/** How many rows of a table meet a condition, counted up to `MAX_TOTAL`, so that a list costs the same however long it is. */
export async function countRows(db: Queryable, table: PgTable, condition: SQL | undefined): Promise<number> {
  const found = db
    .select({ one: sql`1`.as('one') })
    .from(table)
    .where(condition)
    .limit(MAX_TOTAL)
    .as('found');
  const [row] = await db.select({ total: count() }).from(found);
  return row?.total ?? 0;
}
