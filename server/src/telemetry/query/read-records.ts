import { type SQL, sql } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';

export interface RecordQuery {
  /** The device's small key. */
  readonly device: number;
  readonly fromMs: number;
  /** Not included. */
  readonly toMs: number;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly after?: Position | undefined;
}

/** Where a page ended, Unix microseconds. Two records of a device are never received at the same microsecond. */
export interface Position {
  readonly atUs: number;
  readonly receivedUs: number;
}

export interface StoredRecord extends Position {
  readonly data: Readonly<Record<string, unknown>>;
}

/** Records of a device by time of measurement, and by receipt within it. Pages follow the index. */
export async function readRecords(db: Queryable, query: RecordQuery): Promise<StoredRecord[]> {
  const rows = await db.execute<{ at: string; received: string; data: StoredRecord['data'] }>(
    recordsStatement(query),
  );
  return rows.map(({ at, received, data }) => ({ atUs: Number(at), receivedUs: Number(received), data }));
}

const DAY_MS = 86_400_000;
/** Where `ts` cannot lead, in Unix milliseconds. */
const LATEST_MS = Date.UTC(9998, 0);
/** Days back within which the newest record is looked for, one after the other. */
const NEWEST_WITHIN_DAYS = [2, 60];

/** The newest record of a device by time of measurement: first where it most likely is, so that few partitions are opened. */
export async function readNewestRecord(
  db: Queryable,
  device: number,
  nowMs: number,
): Promise<StoredRecord | undefined> {
  let toMs = LATEST_MS;
  for (const fromMs of [...NEWEST_WITHIN_DAYS.map((days) => nowMs - days * DAY_MS), 0]) {
    const [record] = await readRecords(db, { device, fromMs, toMs, order: 'desc', limit: 1 });
    if (record) return record;
    toMs = fromMs;
  }
  return undefined;
}

/**
 * Ordered by the columns, not by the results of the same names, which no index has: it ends where the page ends. Both ends of
 * the range are parameters as they are, so that partitions outside of it are left out of the plan.
 */
export function recordsStatement({ device, fromMs, toMs, order, limit, after }: RecordQuery): SQL {
  const way = sql.raw(order);
  const beyond = sql.raw(order === 'asc' ? '>' : '<');
  const afterMs = after && Math.floor(after.atUs / 1_000);
  const lowerMs = afterMs === undefined || order === 'desc' ? fromMs : Math.max(fromMs, afterMs);
  const upperMs = afterMs === undefined || order === 'asc' ? toMs : Math.min(toMs, afterMs + 1);
  return sql`
    select (extract(epoch from at) * 1000000)::bigint as at,
      (extract(epoch from received) * 1000000)::bigint as received, data
    from telemetry
    where device = ${device}
      and at >= ${new Date(lowerMs).toISOString()}::timestamptz and at < ${new Date(upperMs).toISOString()}::timestamptz
      ${
        after ? sql`and (at, received) ${beyond} (${moment(after.atUs)}, ${moment(after.receivedUs)})` : sql``
      }
    order by telemetry.at ${way}, telemetry.received ${way} limit ${limit}`;
}

function moment(us: number) {
  return sql`(timestamptz 'epoch' + ${us}::bigint * interval '1 microsecond')`;
}
