/** The suites into which the test files fall. What no pattern names is a unit test, so that no file is left out. */
const SUITES = {
  unit: [],
  e2e: ['server/test/'],
  browser: ['server/test/browser/'],
  mqtt: ['mqtt/'],
} satisfies Record<string, string[]>;

export type Suite = keyof typeof SUITES;

export function suiteOf(file: string): Suite {
  let found: Suite = 'unit';
  let length = 0;
  for (const [suite, folders] of Object.entries(SUITES) as [Suite, string[]][]) {
    for (const folder of folders) {
      if (file.startsWith(folder) && folder.length > length) {
        found = suite;
        length = folder.length;
      }
    }
  }
  return found;
}

export function findFiles(root: string, pattern: string): string[] {
  const files = [...new Bun.Glob(pattern).scanSync({ cwd: root, dot: true, onlyFiles: true })];
  return files.filter((file) => !/(^|\/)(node_modules|\.git|\.cache|\.data|build)\//.test(file)).sort();
}

export function findTestFiles(root: string, suite: Suite): string[] {
  return findFiles(root, '**/*.test.{ts,tsx}').filter((file) => suiteOf(file) === suite);
}
