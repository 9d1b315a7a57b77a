import { z } from 'zod';
import { readCsvPieces, withoutApostrophe } from '../../platform/csv.ts';
import { readCell } from '../csv-cells.ts';
import { faultOf, parseRecord } from '../ingest/record.ts';

/** A record of a document, as the export writes it. Times are Unix microseconds. */
export interface ImportedRecord {
  readonly line: number;
  readonly atUs: number;
  /** The time of measurement where the document does not say it. */
  readonly receivedUs: number;
  /** The JSON object. */
  readonly text: string;
}

export interface LineFault {
  readonly line: number;
  readonly reason: string;
}

export type ImportedLine = ImportedRecord | LineFault;

/** Longer than any record: 4 KiB of data, all of it escaped. */
const MAX_LINE_CHARACTERS = 64 * 1024;
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.(\d{1,9}))?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Records from lines of JSON: `at`, `data`, and if wanted `received`. */
export async function* readNdjson(pieces: AsyncIterable<string>): AsyncGenerator<ImportedLine> {
  let held = '';
  let line = 0;
  for await (const piece of pieces) {
    const lines = (held + piece).split('\n');
    held = lines.pop() ?? '';
    for (const text of lines) yield* ndjsonLine(text, ++line);
    if (held.length > MAX_LINE_CHARACTERS) {
      yield { line: line + 1, reason: `${tooLong}; nothing from this line on was read` };
      return;
    }
  }
  yield* ndjsonLine(held, line + 1);
}

const tooLong = `has more than ${MAX_LINE_CHARACTERS} characters`;
const recordLine = z.object({
  at: z.string(),
  received: z.string().optional(),
  data: z.record(z.string(), z.unknown()),
});

function* ndjsonLine(text: string, line: number): Generator<ImportedLine> {
  if (text.trim() === '') return;
  if (text.length > MAX_LINE_CHARACTERS) return yield { line, reason: tooLong };
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return yield { line, reason: 'is not JSON' };
  }
  const parsed = recordLine.safeParse(value);
  if (!parsed.success) {
    return yield { line, reason: 'must be an object with "at" and "data", and if wanted "received"' };
  }
  const { at, received = at, data } = parsed.data;
  yield toRecord(line, at, received, data);
}

/** Records from CSV: a column `at`, if wanted one `received`, and then one for each field. */
export async function* readCsvRecords(pieces: AsyncIterable<string>): AsyncGenerator<ImportedLine> {
  let names: readonly string[] | undefined;
  let firstField = 1;
  for await (const record of readCsvPieces(pieces, MAX_LINE_CHARACTERS)) {
    const { line } = record;
    if ('message' in record) {
      yield { line, reason: `${record.message}; nothing from this line on was read` };
    } else if (!names) {
      names = record.fields.map(withoutApostrophe);
      if (names[0] !== 'at') {
        yield { line, reason: 'must name the columns, the first of them "at"; nothing was read' };
        return;
      }
      firstField = names[1] === 'received' ? 2 : 1;
    } else if (record.fields.length !== names.length) {
      yield { line, reason: `has ${record.fields.length} fields, the first line has ${names.length}` };
    } else {
      const [at = '', received = ''] = record.fields;
      const entries = names
        .map((name, column) => [name, readCell(record.fields[column] ?? '')] as const)
        .slice(firstField)
        .filter(([, value]) => value !== undefined);
      yield toRecord(
        line,
        at,
        firstField === 2 && received !== '' ? received : at,
        Object.fromEntries(entries),
      );
    }
  }
}

function toRecord(
  line: number,
  at: string,
  received: string,
  data: Readonly<Record<string, unknown>>,
): ImportedLine {
  const atUs = microseconds(at);
  const receivedUs = microseconds(received);
  if (atUs === undefined) return { line, reason: '"at" is not a time of RFC 3339' };
  if (receivedUs === undefined) return { line, reason: '"received" is not a time of RFC 3339' };
  // Before it is written again: what is beyond a double would become null.
  const parsed = faultOf(data) ?? parseRecord(Buffer.from(JSON.stringify(data)));
  if (typeof parsed === 'string') return { line, reason: `data is refused: ${parsed}` };
  return { line, atUs, receivedUs, text: parsed.text };
}

function microseconds(text: string): number | undefined {
  const fraction = RFC_3339.exec(text);
  if (!fraction) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms * 1_000 + Number((fraction[1] ?? '').padEnd(6, '0').slice(3, 6));
}
