import { expect, test } from 'bun:test';
import { closingLine, countSkippedAsFailed, exitCode, failed, passed, skipped } from './outcome.ts';

test('the closing line adds all steps up and mentions skipped ones only when there are any', () => {
  expect(closingLine([passed(), passed(40), failed('')])).toBe('41 passed, 1 failed');
  expect(closingLine([passed(2), skipped('no Chromium')])).toBe('2 passed, 0 failed, 1 skipped');
});

test('a run fails when anything failed or nothing passed', () => {
  expect(exitCode([passed(), skipped('')])).toBe(0);
  expect(exitCode([passed(), failed('')])).toBe(1);
  expect(exitCode([skipped('')])).toBe(1);
  expect(exitCode([])).toBe(1);
});

test('under CI what was skipped has failed', () => {
  const outcome = countSkippedAsFailed({ ...passed(3), skipped: 2, notes: ['(skip) a', '(skip) b'] });
  expect(outcome).toMatchObject({ passed: 3, failed: 2, skipped: 0 });
  expect(closingLine([outcome])).toBe('3 passed, 2 failed');
});
