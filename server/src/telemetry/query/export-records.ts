import { streamPages } from '../../http/stream-pages.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { type RecordQuery, readRecords, type StoredRecord } from './read-records.ts';

const PAGE = 1_000;

/** What turns records into lines of a document. */
export interface LineFormat {
  readonly heading: string;
  line(record: StoredRecord): string;
}

/** Streams the records of a range, oldest first, a page of 1,000 at a time. */
export function exportRecords(
  db: Queryable,
  range: Pick<RecordQuery, 'device' | 'fromMs' | 'toMs'>,
  format: LineFormat,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  return streamPages(textPages(db, range, format));
}

async function* textPages(
  db: Queryable,
  range: Pick<RecordQuery, 'device' | 'fromMs' | 'toMs'>,
  { heading, line }: LineFormat,
): AsyncGenerator<string> {
  let after: StoredRecord | undefined;
  let start = heading;
  do {
    const rows = await readRecords(db, { ...range, order: 'asc', limit: PAGE, after });
    yield start + rows.map(line).join('');
    start = '';
    after = rows.length === PAGE ? rows.at(-1) : undefined;
  } while (after);
}
