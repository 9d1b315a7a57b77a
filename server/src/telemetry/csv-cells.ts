import { withoutApostrophe } from '../platform/csv.ts';

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** A value as a cell of CSV, which `readCell` turns into the same value; null and what is missing are an empty cell. */
export function writeCell(value: unknown): string | number | boolean {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'string') return JSON.stringify(value);
  // Text that would be read as something else is told by an apostrophe, as a spreadsheet does.
  return typedBehind(value) ? `'${value}` : value;
}

/** The value of a cell: number, true, false, object or list where it looks like one, else text. */
export function readCell(cell: string): unknown {
  const text = withoutApostrophe(cell);
  if (text.startsWith("'") && typedBehind(text)) return text.slice(1);
  return text === cell ? readTyped(text).value : text;
}

/** Whether text is a value of another type, but for apostrophes before it. */
function typedBehind(text: string): boolean {
  return readTyped(text.replace(/^'+/, '')).isTyped;
}

function readTyped(text: string): { readonly isTyped: boolean; readonly value: unknown } {
  if (text === '') return { isTyped: true, value: undefined };
  if (text === 'true' || text === 'false') return { isTyped: true, value: text === 'true' };
  if (NUMBER.test(text)) return { isTyped: true, value: Number(text) };
  if (/^[{[]/.test(text)) {
    try {
      return { isTyped: true, value: JSON.parse(text) };
    } catch {
      // Text that only begins like it.
    }
  }
  return { isTyped: false, value: text };
}
