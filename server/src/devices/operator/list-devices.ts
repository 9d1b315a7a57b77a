import { and, asc, desc, isNotNull, isNull, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { deviceSort, deviceListQuery as listQuery, sortOrder } from '../../../contract/api/devices.ts';
import { isPlain } from '../../../contract/text.ts';
import { deviceUuid } from '../../../contract/uuid.ts';
import { cursor, cutPage } from '../../http/cursor.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { countRows } from '../../platform/db/count-rows.ts';
import { devices } from '../../platform/db/schema.ts';
import { AppError } from '../../platform/errors.ts';
import { type DeviceRow, deviceColumns } from '../device.ts';
import { matching } from '../filter.ts';

const sortColumns = {
  createdAt: devices.createdAt,
  name: devices.name,
  lastSeenAt: devices.lastSeenAt,
} as const;

/** Where a page ended: the sort order it belongs to, the value sorted by (times in microseconds since 1970) and the id. */
const position = z.object({
  s: deviceSort,
  o: sortOrder,
  v: z.string().max(500).nullable(),
  id: deviceUuid,
});

/** The query parameters of the list of devices. */
export const deviceListQuery = listQuery.extend({ cursor: cursor(position) });

export type DeviceListQuery = z.output<typeof deviceListQuery>;

type ListedRow = DeviceRow & { readonly sortValue: string | null };

/**
 * One page of devices. Pages follow an index by value and id, so that a page costs the same wherever it is, and what is
 * inserted meanwhile neither repeats nor hides another device.
 *
 * @throws AppError `bad_request` for a cursor of another sort order.
 */
export async function listDevices(
  db: Queryable,
  query: DeviceListQuery,
): Promise<{ readonly rows: readonly DeviceRow[]; readonly next: string | null; readonly total: number }> {
  const { cursor: from, limit } = query;
  if (from && (from.s !== query.sort || from.o !== query.order || !isValue(from.s, from.v))) {
    throw new AppError('bad_request', 'The cursor belongs to a list in another order.', {
      faults: [{ field: 'cursor', message: 'belongs to a list in another order' }],
    });
  }
  const rows: ListedRow[] = [];
  if (from?.v !== null) rows.push(...(await readPart(db, query, 'valued', limit + 1)));
  if (query.sort === 'lastSeenAt' && rows.length <= limit) {
    rows.push(...(await readPart(db, query, 'valueless', limit + 1 - rows.length)));
  }
  const page = cutPage(rows, limit, (last) => ({
    s: query.sort,
    o: query.order,
    v: last.sortValue,
    id: last.id,
  }));
  // A first page that holds everything has been counted.
  const total = from || page.next !== null ? await countRows(db, devices, matching(query)) : page.rows.length;
  return { ...page, total };
}

/** Reads devices with, or without, a value to be sorted by, each in the order of the index. */
async function readPart(
  db: Queryable,
  query: DeviceListQuery,
  part: 'valued' | 'valueless',
  limit: number,
): Promise<ListedRow[]> {
  const column = sortColumns[query.sort];
  const direction = query.order === 'asc' ? asc : desc;
  const sortValue =
    query.sort === 'name'
      ? sql<string | null>`${column}`
      : sql<string | null>`(extract(epoch from ${column}) * 1000000)::bigint::text`;
  return await db
    .select({ ...deviceColumns, sortValue })
    .from(devices)
    .where(and(matching(query), part === 'valued' ? isNotNull(column) : isNull(column), after(query, part)))
    .orderBy(direction(column), direction(devices.id))
    .limit(limit);
}

function after(
  { cursor: from, sort: by, order: way }: DeviceListQuery,
  part: 'valued' | 'valueless',
): SQL | undefined {
  const beyond = sql.raw(way === 'asc' ? '>' : '<');
  if (!from || (part === 'valueless' && from.v !== null)) return undefined;
  if (part === 'valueless') return sql`${devices.id} ${beyond} ${from.id}::uuid`;
  const value =
    by === 'name'
      ? sql`${from.v}::text`
      : sql`(timestamptz 'epoch' + ${from.v}::bigint * interval '1 microsecond')`;
  return sql`(${sortColumns[by]}, ${devices.id}) ${beyond} (${value}, ${from.id}::uuid)`;
}

/** A cursor is the client's to forge: a value that PostgreSQL could not read must not reach it. */
function isValue(by: z.output<typeof deviceSort>, value: string | null): boolean {
  if (value === null) return by === 'lastSeenAt';
  return by === 'name' ? isPlain(value) : /^-?\d{1,16}$/.test(value);
}
