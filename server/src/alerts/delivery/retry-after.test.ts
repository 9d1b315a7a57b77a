import { expect, test } from 'bun:test';
import { readRetryAfter } from './retry-after.ts';

const NOW = Date.UTC(2026, 10, 26, 8, 0, 0);

test.each([
  ['seconds', '120', 120],
  ['no time at all', '0', 0],
  ['white space around it', ' 7 ', 7],
  ['more seconds than any number holds', '9'.repeat(400), Number.POSITIVE_INFINITY],
  ['a date', 'Thu, 26 Nov 2026 08:05:00 GMT', 300],
  ['a date of RFC 850', 'Thursday, 26-Nov-26 08:05:00 GMT', 300],
  ['a date of asctime, which is in UTC', 'Thu Nov 26 08:05:00 2026', 300],
  ['a date that has passed', 'Thu, 26 Nov 2026 07:00:00 GMT', 0],
])('a receiver can ask for %s', (_, retryAfter, seconds) => {
  expect(readRetryAfter({ status: 429, retryAfter }, NOW)).toBe(seconds);
  expect(readRetryAfter({ status: 503, retryAfter }, NOW)).toBe(seconds);
});

test.each([
  '',
  '-5',
  '1.5',
  '5s',
  '1e3',
  '0x10',
  'soon',
  '2026-11-26',
  'Thu, 99 Nov 2026 08:05:00 GMT',
  '5, 6',
])('what RFC 9110 does not know asks for nothing: %p', (retryAfter) => {
  expect(readRetryAfter({ status: 429, retryAfter }, NOW)).toBeUndefined();
});

test('only a receiver that is busy is listened to', () => {
  for (const status of [200, 301, 400, 410, 500, 502])
    expect(readRetryAfter({ status, retryAfter: '120' }, NOW)).toBeUndefined();
  expect(readRetryAfter({ status: 503 }, NOW)).toBeUndefined();
});
