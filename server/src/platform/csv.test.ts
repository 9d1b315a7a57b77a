import { describe, expect, test } from 'bun:test';
import { csvLine, readCsv, withoutApostrophe } from './csv.ts';

async function read(text: string) {
  return await Array.fromAsync(readCsv(text));
}

describe('readCsv', () => {
  test('reads quotes, line ends of any kind, a byte-order mark, and counts lines inside of quotes', async () => {
    expect(await read('\ufeffa,b\r\n"x ""q"", y",1\n"two\r\nlines",2\r\n\r\nlast,3')).toEqual([
      { line: 1, fields: ['a', 'b'] },
      { line: 2, fields: ['x "q", y', '1'] },
      { line: 3, fields: ['two\nlines', '2'] },
      { line: 6, fields: ['last', '3'] },
    ]);
  });

  test('reads the same wherever the text is cut into pieces', async () => {
    const rows = Array.from({ length: 20_000 }, (_, at) => `${at},"ü, ""${at}"""`);
    const records = await read(rows.join('\r\n'));
    expect(records).toHaveLength(20_000);
    expect(records.at(-1)).toEqual({ line: 20_000, fields: ['19999', 'ü, "19999"'] });
  });

  test.each([
    ['a quote inside of a field', 'a,b\nx,y"z\nu,v', 2],
    ['text behind a closing quote', 'a,b\n1,2\nx,"y"z\nu,v', 3],
    ['a quote that is never closed', 'a,b\n1,2\n\nx,"y\nu,v', 3],
    ['a record without end', `a,b\n"${'x\n'.repeat(20_000)}"`, 2],
  ])('ends with a fault at %s', async (_, text, line) => {
    const records = await read(text);
    expect(records.at(-1)).toMatchObject({ line, message: expect.any(String) });
    expect(records.filter((record) => 'message' in record)).toHaveLength(1);
  });

  test('reads nothing of nothing', async () => {
    expect(await read('')).toEqual([]);
    expect(await read('\ufeff\r\n')).toEqual([]);
  });
});

describe('csvLine', () => {
  test('quotes what has to be quoted', () => {
    expect(csvLine(['a', 'b,c', 'd"e', 'f\ng', ''])).toBe('a,"b,c","d""e","f\ng",\r\n');
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', "'x", "'=x"])(
    '%j is no formula, and comes back',
    async (field) => {
      const line = csvLine([field]);
      const [record] = await read(line);
      const written = record && 'fields' in record ? (record.fields[0] ?? '') : '';
      expect(written).toBe(`'${field}`);
      expect(withoutApostrophe(written)).toBe(field);
    },
  );

  test.each(['plain', '', "it's", '1=1'])('%j is written as it is', (field) => {
    expect(csvLine([field])).toBe(`${field}\r\n`);
    expect(withoutApostrophe(field)).toBe(field);
  });
});

test('numbers and booleans are written as they are, text that begins like a formula is not', () => {
  expect(csvLine([-1.5, true, '-1.5'])).toBe("-1.5,true,'-1.5\r\n");
});
