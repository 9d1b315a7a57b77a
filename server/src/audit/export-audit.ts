import { streamPages } from '../http/stream-pages.ts';
import { csvLine } from '../platform/csv.ts';
import type { Queryable } from '../platform/db/client.ts';
import { type AuditFilter, type AuditPosition, type AuditRecord, readAudit } from './store.ts';

const PAGE = 1_000;
const COLUMNS = [
  'id',
  'at',
  'actor_kind',
  'actor',
  'address',
  'request_id',
  'action',
  'subject',
  'before',
  'after',
];

/** Streams the entries of a filter as CSV, newest first. */
export function exportAudit(
  db: Queryable,
  filter: AuditFilter,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  return streamPages(csvPages(db, filter));
}

async function* csvPages(db: Queryable, filter: AuditFilter): AsyncGenerator<string> {
  // The mark by which Excel knows UTF-8.
  let heading = `\ufeff${csvLine(COLUMNS)}`;
  let last: AuditPosition | undefined;
  do {
    const rows = await readAudit(db, filter, last, PAGE);
    yield heading + rows.map(toLine).join('');
    heading = '';
    last = rows.length === PAGE ? rows.at(-1) : undefined;
  } while (last !== undefined);
}

function toLine(row: AuditRecord): string {
  return csvLine([
    row.id,
    row.at.toISOString(),
    row.actorKind,
    row.actor,
    row.address ?? '',
    row.requestId ?? '',
    row.action,
    row.subject ?? '',
    json(row.before),
    json(row.after),
  ]);
}

function json(values: unknown): string {
  return values === null ? '' : JSON.stringify(values);
}
