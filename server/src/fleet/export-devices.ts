import { and, asc, gt } from 'drizzle-orm';
import type { Queryable } from '../platform/db/client.ts';
import { devices } from '../platform/db/schema.ts';
import { csvLine } from './csv.ts';
import { type DeviceFilter, matching } from './filter.ts';

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

/** The devices of a filter as CSV, a page of 1,000 at a time by id; an import takes it as it is. */
export async function* exportDevices(db: Queryable, filter: DeviceFilter): AsyncGenerator<string> {
  yield csvLine(COLUMNS);
  let last: string | undefined;
  do {
    const rows = await db
      .select(exportColumns)
      .from(devices)
      .where(and(matching(filter), last === undefined ? undefined : gt(devices.id, last)))
      .orderBy(asc(devices.id))
      .limit(PAGE);
    yield rows
      .map((row) =>
        csvLine([
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
        ]),
      )
      .join('');
    last = rows.length === PAGE ? rows.at(-1)?.id : undefined;
  } while (last !== undefined);
}
