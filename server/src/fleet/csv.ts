import { CsvError, parse } from 'csv-parse';

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
 * Reads a CSV document (RFC 4180; line ends of any kind, a byte-order mark, empty lines) record by record, in pieces, so
 * that other requests have their turn. A fault is the last item.
 */
export async function* readCsv(text: string): AsyncGenerator<CsvRecord | CsvFault> {
  const lines = text.replace(/\r\n?/g, '\n');
  const parser = parse({
    bom: true,
    info: true,
    record_delimiter: '\n',
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_CHARACTERS,
  });
  void (async () => {
    for (let at = 0; at < lines.length && !parser.destroyed; at += CHUNK_CHARACTERS) {
      if (!parser.write(lines.slice(at, at + CHUNK_CHARACTERS))) {
        await new Promise((resolve) => {
          parser.once('drain', resolve);
          parser.once('close', resolve);
        });
      }
    }
    parser.end();
  })();
  let line = 0;
  try {
    for await (const { record, info } of parser) {
      const fields: string[] = record;
      line = info.lines;
      yield { line: line - fields.join('').split('\n').length + 1, fields };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    yield { line: line + 1, message: faultOf(error) };
  }
}

function faultOf(error: CsvError): string {
  if (error.code === 'CSV_MAX_RECORD_SIZE') return `has more than ${MAX_RECORD_CHARACTERS} characters`;
  return 'has quotes that do not match: a field with quotes is quoted as a whole, and each of them doubled';
}

/** What spreadsheets take for the beginning of a formula, and the apostrophe that keeps them from it. */
const FORMULA = /^['=+\-@\t\r]/;

/**
 * Writes one line. A field that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, "CSV
 * Injection"), and so does one that begins with an apostrophe, so that `withoutApostrophe` restores every field.
 */
export function csvLine(fields: readonly string[]): string {
  const written = fields.map((field) => {
    const safe = FORMULA.test(field) ? `'${field}` : field;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  });
  return `${written.join(',')}\r\n`;
}

/** Takes away the apostrophe that `csvLine` put before a field. */
export function withoutApostrophe(field: string): string {
  return field.startsWith("'") && FORMULA.test(field.slice(1)) ? field.slice(1) : field;
}
