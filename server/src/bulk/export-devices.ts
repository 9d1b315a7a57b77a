import { and, asc, gt } from 'drizzle-orm';
import type { DeviceFilter } from '../../contract/api/devices.ts';
import { matching } from '../devices/filter.ts';
import { streamPages } from '../http/stream-pages.ts';
import { csvLine } from '../platform/csv.ts';
import type { Queryable } from '../platform/db/client.ts';
import { devices } from '../platform/db/schema.ts';

const PAGE = 1_000;
const COLUMNS = [
  'id',
  'role',
  'name',
  'notes',
  'tags',
  'state',
  'master',
  'generation',
  'online',
  'created_at',
  'last_seen_at',
];

const exportColumns = {
  id: devices.id,
  role: devices.role,
  name: devices.name,
  notes: devices.notes,
  tags: devices.tags,
  state: devices.state,
  masterId: devices.masterId,
  generation: devices.generation,
  connectedAt: devices.connectedAt,
  createdAt: devices.createdAt,
  lastSeenAt: devices.lastSeenAt,
};

/** The devices of a filter as CSV, by id, a page of 1,000 at a time; an import takes it as it is. */
async function* csvPages(db: Queryable, filter: DeviceFilter): AsyncGenerator<string> {
  // The mark by which Excel knows UTF-8.
  let heading = `\ufeff${csvLine(COLUMNS)}`;
  let last: string | undefined;
  do {
    const rows = await db
      .select(exportColumns)
      .from(devices)
      .where(and(matching(filter), last === undefined ? undefined : gt(devices.id, last)))
      .orderBy(asc(devices.id))
      .limit(PAGE);
    yield heading + rows.map(toLine).join('');
    heading = '';
    last = rows.length === PAGE ? rows.at(-1)?.id : undefined;
  } while (last !== undefined);
}

/** Streams the devices of a filter as CSV. */
export function exportDevices(
  db: Queryable,
  filter: DeviceFilter,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  return streamPages(csvPages(db, filter));
}

type ExportedRow = Pick<typeof devices.$inferSelect, keyof typeof exportColumns>;

function toLine(row: ExportedRow): string {
  return csvLine([
    row.id,
    row.role,
    row.name,
    row.notes,
    row.tags.join(';'),
    row.state,
    row.masterId ?? '',
    String(row.generation),
    String(row.connectedAt !== null),
    row.createdAt.toISOString(),
    row.lastSeenAt?.toISOString() ?? '',
  ]);
}
