import { expect, test } from 'bun:test';
import { csvLine, readCsv } from '../platform/csv.ts';
import { readCell, writeCell } from './csv-cells.ts';

const starts = ['', "'", "''", '=', '-', '+', '@', ' ', '\t', '"'];
const rests = [
  '',
  '21',
  '-5',
  '1.50',
  '1e5',
  '0x1',
  '007',
  'true',
  'null',
  '{}',
  '{',
  '[1,"a"]',
  '[1',
  'a,b;c\nd"',
  'ä😀',
];
const texts = starts.flatMap((start) => rests.map((rest) => start + rest));
const others = [0, -5, 21.5, 1e21, 1e-7, true, false, {}, [], [1, "'"], { a: { b: '=1' } }];

test('a value is read from its cell as it was written, whatever its text looks like', async () => {
  const values = [...texts, ...others];
  const document = values.map((value) => csvLine(['x', writeCell(value)])).join('');
  const records = await Array.fromAsync(readCsv(`one,two\r\n${document}`));
  const read = records
    .slice(1)
    .map((record) => ('fields' in record ? readCell(record.fields[1] ?? '') : record));
  expect(read).toEqual(values);
});

test('what is missing is an empty cell', () => {
  expect([undefined, null].map(writeCell)).toEqual(['', '']);
  expect(readCell('')).toBeUndefined();
});
