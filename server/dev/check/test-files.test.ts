import { expect, test } from 'bun:test';
import { resolve } from 'node:path';
import { findFiles, findTestFiles, suiteOf } from './test-files.ts';

const root = resolve(import.meta.dir, '../../..');

test.each([
  ['server/src/tokens/issue.test.ts', 'unit'],
  ['server/dev/check/outcome.test.ts', 'unit'],
  ['server/test/devices.test.ts', 'e2e'],
  ['server/test/browser/login.test.ts', 'browser'],
  ['mqtt/test/compose.test.ts', 'mqtt'],
  ['mqtt/dev-broker/test/contract.test.ts', 'mqtt'],
  ['somewhere/else.test.ts', 'unit'],
])('%s belongs to %s', (file, suite) => {
  expect(suiteOf(file)).toBe(suite as ReturnType<typeof suiteOf>);
});

test('every test file of the repository is in exactly one suite, and none is a dependency', () => {
  const suites = (['unit', 'e2e', 'browser', 'mqtt'] as const).flatMap((suite) => findTestFiles(root, suite));
  expect(suites).toContain('server/dev/check/test-files.test.ts');
  expect(suites.toSorted()).toEqual(findFiles(root, '**/*.test.{ts,tsx}'));
  expect(suites.filter((file) => file.includes('node_modules'))).toEqual([]);
});
