import type { Queryable } from '../../platform/db/client.ts';
import { type RecordQuery, readRecords, type StoredRecord } from './read-records.ts';

const PAGE = 1_000;

/** What turns records into lines of a document. */
export interface LineFormat {
  readonly heading: string;
  line(record: StoredRecord): string;
}

/**
 * Streams the records of a range, oldest first, a page of 1,000 at a time: memory is that of a page however long the range
 * is. The first page is read before this resolves, so that a database that is away is answered as such; a failure later on
 * breaks the stream off, so that nobody takes a part for the whole.
 */
export async function exportRecords(
  db: Queryable,
  range: Pick<RecordQuery, 'device' | 'fromMs' | 'toMs'>,
  format: LineFormat,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const pages = textPages(db, range, format);
  const encoder = new TextEncoder();
  let page = await pages.next();
  return new ReadableStream({
    async pull(controller) {
      if (page.done) return controller.close();
      controller.enqueue(encoder.encode(page.value));
      // Bun prints what breaks a stream off: without the statement and its parameters.
      page = await pages.next().catch(() => {
        throw new Error('the export was broken off: the database cannot be read');
      });
    },
    async cancel() {
      await pages.return(undefined);
    },
  });
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
