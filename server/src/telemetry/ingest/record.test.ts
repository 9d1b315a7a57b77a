import { describe, expect, test } from 'bun:test';
import { parseRecord, recordNumber, recordTime } from './record.ts';

const RECEIVED_MS = 1_795_440_000_000;
const RECEIVED_US = RECEIVED_MS * 1_000;
const DAY_MS = 86_400_000;

function parsed(payload: string | Buffer) {
  return parseRecord(Buffer.isBuffer(payload) ? payload : Buffer.from(payload));
}

describe('parseRecord', () => {
  test('keeps the text of the device', () => {
    const text = '{ "id": 12345678901234567890, "temp": 20.10, "nested": {"a": [1, null, "ü"]} }';
    expect(parsed(text)).toMatchObject({ text });
  });

  test.each([
    ['not_json', ''],
    ['not_json', '{'],
    ['not_json', '{"a":1}x'],
    ['not_json', '{"a":NaN}'],
    ['not_an_object', '[]'],
    ['not_an_object', 'null'],
    ['not_an_object', '1'],
    ['not_utf8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['too_large', `{"a":"${'x'.repeat(4_096)}"}`],
    ['too_deep', `${'{"a":'.repeat(17)}1${'}'.repeat(17)}`],
    ['too_deep', `{"a":${'['.repeat(16)}${']'.repeat(16)}}`],
    ['bad_text', '{"a":"\\u0000"}'],
    ['bad_text', '{"a\\u0000":1}'],
    ['bad_text', '{"a":"\\ud800"}'],
    ['bad_number', '{"a":1e999}'],
    ['bad_number', `{"a":[${'9'.repeat(400)}]}`],
  ] as const)('refuses as %s: %p', (reason, payload) => {
    expect(parsed(payload)).toBe(reason);
  });

  test('takes 4 KiB and 16 levels', () => {
    expect(parsed(`{"x":"${'x'.repeat(4_096 - 8)}"}`)).toBeObject();
    expect(parsed(`${'{"a":'.repeat(16)}1${'}'.repeat(16)}`)).toBeObject();
  });

  test('a number too small for the database becomes what JavaScript reads', () => {
    expect(parsed('{"a":1e-400}')).toMatchObject({ text: '{"a":0}' });
    expect(parsed(`{"a":0.${'0'.repeat(400)}1}`)).toMatchObject({ text: '{"a":0}' });
  });
});

describe('recordNumber', () => {
  test('is boot and number', () =>
    expect(recordNumber({ b: 3_735_928_559, n: 41 })).toEqual({ boot: 3_735_928_559, n: 41 }));
  test.each([
    {},
    { b: 1 },
    { n: 1 },
    { b: '1', n: 1 },
    { b: 1, n: 1.5 },
    { b: 1, n: -1 },
    { b: 1, n: 2 ** 32 },
    { b: 2 ** 32, n: 1 },
  ])('is nothing in %p', (body) => expect(recordNumber(body)).toBeUndefined());
});

describe('recordTime', () => {
  test.each([
    ['milliseconds', RECEIVED_MS - 60_000, RECEIVED_MS - 60_000],
    ['RFC 3339', new Date(RECEIVED_MS - 60_000).toISOString(), RECEIVED_MS - 60_000],
    ['an offset', new Date(RECEIVED_MS).toISOString().replace('Z', '+00:00'), RECEIVED_MS],
    ['7 days back', RECEIVED_MS - 7 * DAY_MS, RECEIVED_MS - 7 * DAY_MS],
    ['5 minutes ahead', RECEIVED_MS + 300_000, RECEIVED_MS + 300_000],
  ])('takes %s', (_, ts, expected) => {
    expect(recordTime({ ts }, RECEIVED_US)).toBe(expected * 1_000);
  });

  test.each([
    ['more than 7 days back', RECEIVED_MS - 7 * DAY_MS - 1],
    ['more than 5 minutes ahead', RECEIVED_MS + 300_001],
    ['seconds', RECEIVED_MS / 1_000],
    ['no time', undefined],
    ['a date without a time', '2026-11-23'],
    ['no date', 'yesterday'],
    ['no number', null],
    ['a list', [RECEIVED_MS]],
  ])('takes the time of receipt instead of %s', (_, ts) => {
    expect(recordTime({ ts }, RECEIVED_US)).toBe(RECEIVED_US);
  });
});
