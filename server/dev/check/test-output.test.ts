import { describe, expect, test } from 'bun:test';
import { readBunTestOutput, readClosingLine } from './test-output.ts';

const PASSING = `bun test v1.4.5

src/a.test.ts:
(pass) works [0.10ms]

 12 pass
 0 fail
 30 expect() calls
Ran 12 tests across 2 files. [24.00ms]
`;

describe('bun test', () => {
  test('a passing run is read as such', () => {
    expect(readBunTestOutput(PASSING, 0)).toMatchObject({ passed: 12, failed: 0, skipped: 0, notes: [] });
  });

  test('skipped and todo tests are counted and named', () => {
    const output = `(skip) suite > needs PostgreSQL
(todo) later

 3 pass
 1 skip
 1 todo
 0 fail
Ran 5 tests across 1 file. [3.00ms]
`;
    expect(readBunTestOutput(output, 0)).toMatchObject({
      passed: 3,
      failed: 0,
      skipped: 2,
      notes: ['(skip) suite > needs PostgreSQL', '(todo) later'],
    });
  });

  test('an error between tests is among the failures', () => {
    const output = ' 1 pass\n 2 fail\n 1 error\n 1 expect() calls\nRan 3 tests across 2 files. [3.00ms]\n';
    expect(readBunTestOutput(output, 1)).toMatchObject({ passed: 1, failed: 2 });
  });

  test.each([
    ['an empty output', '', 0],
    ['a filter that matched nothing', 'Test filter "./nope" had no matches\n', 1],
    ['a crash before the summary', '(pass) works\nSegmentation fault\n', 139],
    ['a summary without tests', ' 0 pass\n 0 fail\nRan 0 tests across 0 files. [1.00ms]\n', 0],
    ['an exit code that contradicts the summary', PASSING, 1],
    ['counts that do not add up', ' 3 pass\n 0 fail\nRan 5 tests across 1 file. [1.00ms]\n', 0],
  ])('%s is a failure', (_, output, exitCode) => {
    const outcome = readBunTestOutput(output, exitCode);
    expect(outcome.failed).toBe(1);
    expect(outcome.notes).toHaveLength(1);
  });

  test('a summary that a test printed itself is not taken for the real one', () => {
    const output = ` 99 pass\n 0 fail\nRan 99 tests across 1 file. [1.00ms]\n${PASSING}`;
    expect(readBunTestOutput(output, 0).passed).toBe(12);
  });
});

describe('a closing line', () => {
  test.each([
    ['41 passed, 0 failed\n', 0, { passed: 41, failed: 0, skipped: 0 }],
    ['noise\n3 passed, 2 failed, 1 skipped\n\n', 1, { passed: 3, failed: 2, skipped: 1 }],
    ['3 passed, 0 failed\n', 1, { passed: 3, failed: 1 }],
    ['0 passed, 0 failed\n', 0, { failed: 1 }],
    ['3 passed, 0 failed\nthen a crash\n', 0, { passed: 0, failed: 1 }],
    ['', 0, { failed: 1 }],
  ])('%j with exit code %i', (output, exitCode, expected) => {
    expect(readClosingLine(output, exitCode)).toMatchObject(expected);
  });
});
