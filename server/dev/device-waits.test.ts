import { describe, expect, test } from 'bun:test';
import type { CallFailure } from './device-http.ts';
import { afterFailure, BACKOFF } from './device-waits.ts';

const random = { fraction: () => 0.5, bytes: (length: number) => new Uint8Array(length) };
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

function after(reason: CallFailure['reason'], byToken: boolean, failures = 0, retryAfterMs?: number) {
  const failure = { reason, message: '', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return afterFailure(failure, byToken, failures, random);
}

describe('after a failed request', () => {
  test.each(['expired', 'superseded', 'bad_credential'] as const)(
    'a token that is %s is dropped, and the device key is used at once',
    (reason) => {
      expect(after(reason, true)).toEqual({ waitMs: 0, dropToken: true });
    },
  );

  test.each(['bad_credential', 'superseded'] as const)(
    'a device key that is %s is tried hourly',
    (reason) => {
      expect(after(reason, false)).toEqual({ waitMs: HOUR_MS, dropToken: false });
      expect(after(reason, false, 7)).toEqual({ waitMs: HOUR_MS, dropToken: false });
    },
  );

  test('a revoked device waits 5 minutes at first, doubling to an hour', () => {
    const waits = [0, 1, 2, 3, 4, 50].map((failures) => after('revoked', false, failures).waitMs / MINUTE_MS);
    expect(waits).toEqual([5, 10, 20, 40, 60, 60]);
  });

  test('a device of another role asks hourly', () => {
    expect(after('wrong_role', false)).toEqual({ waitMs: HOUR_MS, dropToken: false });
  });

  test.each(['pending', 'unknown_device', 'rate_limited', 'unavailable'] as const)(
    '%s waits as long as Retry-After says, and keeps the token',
    (reason) => {
      expect(after(reason, true, 0, 42_000)).toEqual({ waitMs: 42_000, dropToken: false });
    },
  );

  test.each(['foreign_answer', 'unreachable', 'internal'] as const)(
    '%s backs off with jitter up to 5 minutes, and keeps the token',
    (reason) => {
      const waits = [0, 1, 2, 20].map((failures) => after(reason, true, failures));
      expect(waits.map(({ waitMs }) => waitMs)).toEqual([500, 1_000, 2_000, BACKOFF.capMs / 2]);
      expect(waits.some(({ dropToken }) => dropToken)).toBe(false);
    },
  );
});
