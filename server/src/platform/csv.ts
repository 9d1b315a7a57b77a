import { CsvError, type Parser, parse } from 'csv-parse';

/** One record of a CSV document. */
export interface CsvRecord {
  /** The line on which it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** Where, and why, a document cannot be read on: quotes that do not match leave open what is inside and what outside. */
export interface CsvFault {
  readonly line: number;
  readonly message: string;
}

const CHUNK_CHARACTERS = 64 * 1024;
const MAX_RECORD_CHARACTERS = 16 * 1024;

/**
 * Reads a CSV document (RFC 4180; line ends of any kind, a byte-order mark, empty lines) in pieces, so that what reads it
 * can let other requests have their turn. A fault is the last item.
 */
export function readCsv(text: string): AsyncGenerator<CsvRecord | CsvFault> {
  return readCsvPieces(cut(text), MAX_RECORD_CHARACTERS);
}

/** The same of a document that arrives in pieces, in the memory of one of them. */
export async function* readCsvPieces(
  pieces: AsyncIterable<string> | Iterable<string>,
  maxRecordCharacters: number,
): AsyncGenerator<CsvRecord | CsvFault> {
  const records: CsvRecord[] = [];
  let line = 0;
  let failure: unknown;
  let skipped = 0;
  let parser: Parser | undefined;

  function begin(first: string): string {
    const separator = separated(first);
    skipped = separator.skipped;
    parser = parse({
      delimiter: separator.delimiter,
      record_delimiter: '\n',
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: maxRecordCharacters,
      // Taken here, since a stream that fails drops what was not read from it yet.
      on_record(fields: string[], context) {
        line = context.lines + skipped;
        records.push({ line: line - fields.join('').split('\n').length + 1, fields });
        return null;
      },
    });
    parser.on('error', (error) => {
      failure = error;
    });
    return separator.lines;
  }

  for await (const piece of withFirstLine(withoutCarriageReturns(pieces))) {
    const lines = parser ? piece : begin(piece);
    await new Promise<void>((resolve) => parser?.write(lines, () => resolve()));
    yield* records.splice(0);
    if (failure !== undefined) break;
  }
  if (failure === undefined) await new Promise<void>((resolve) => parser?.end(() => resolve()) ?? resolve());
  yield* records.splice(0);
  if (failure === undefined) return;
  if (!(failure instanceof CsvError)) throw failure;
  yield { line: line + 1, message: faultOf(failure, maxRecordCharacters) };
}

function* cut(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += CHUNK_CHARACTERS) yield text.slice(at, at + CHUNK_CHARACTERS);
}

/** Line ends may be cut in two. */
async function* withoutCarriageReturns(
  pieces: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<string> {
  let held = '';
  for await (const piece of pieces) {
    const text = held + piece;
    held = text.endsWith('\r') ? '\r' : '';
    yield text.slice(0, text.length - held.length).replace(/\r\n?/g, '\n');
  }
  if (held !== '') yield '\n';
}

/** Puts pieces together until the first line is whole, by which the separator is found. */
async function* withFirstLine(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let first: string | undefined = '';
  for await (const piece of pieces) {
    if (first === undefined) {
      yield piece;
      continue;
    }
    first += piece;
    if (!first.includes('\n') && first.length < CHUNK_CHARACTERS) continue;
    yield first.replace(/^\ufeff/, '');
    first = undefined;
  }
  if (first) yield first.replace(/^\ufeff/, '');
}

const SEPARATORS = [',', ';', '\t'] as const;

/**
 * Finds the separator by the first line, since spreadsheets write the one of their country: named by `sep=;`, as Excel
 * takes it, or the one that occurs most outside of quotes.
 */
function separated(lines: string): { lines: string; delimiter: string; skipped: number } {
  const end = lines.indexOf('\n');
  const first = end < 0 ? lines : lines.slice(0, end);
  const named = /^"?sep=([,;\t])"?$/i.exec(first)?.[1];
  if (named !== undefined) return { lines: lines.slice(first.length + 1), delimiter: named, skipped: 1 };
  const bare = first.replace(/"[^"]*"/g, '');
  const count = (separator: string) => bare.split(separator).length;
  const delimiter = SEPARATORS.reduce((best, next) => (count(next) > count(best) ? next : best));
  return { lines, delimiter, skipped: 0 };
}

function faultOf(error: CsvError, maxRecordCharacters: number): string {
  if (error.code === 'CSV_MAX_RECORD_SIZE') return `has more than ${maxRecordCharacters} characters`;
  return 'has quotes that do not match: a field with quotes is quoted as a whole, and each of them doubled';
}

/** What spreadsheets take for the beginning of a formula, and the apostrophe that keeps them from it. */
const FORMULA = /^['=+\-@\t\r]/;

/**
 * Writes one line. A field that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, "CSV
 * Injection"), and so does one that begins with an apostrophe, so that `withoutApostrophe` restores every field. Numbers
 * and booleans are no formulas. What a reader may take for a separator is quoted as well.
 */
export function csvLine(fields: readonly (string | number | boolean)[]): string {
  const written = fields.map((field) => {
    if (typeof field !== 'string') return String(field);
    const safe = FORMULA.test(field) ? `'${field}` : field;
    return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  });
  return `${written.join(',')}\r\n`;
}

/** Takes away the apostrophe that `csvLine` put before a field. */
export function withoutApostrophe(field: string): string {
  return field.startsWith("'") && FORMULA.test(field.slice(1)) ? field.slice(1) : field;
}
