import { describe, expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readClosingLine, readJunit } from './test-output.ts';

/** Runs `bun test` on a file of these lines, and reads its report as the check does. */
async function outcomeOf(lines: string) {
  const folder = await mkdtemp(join(tmpdir(), 'junit-'));
  try {
    await writeFile(
      join(folder, 'a.test.ts'),
      `import { describe, expect, test } from 'bun:test';\n${lines}`,
    );
    const report = join(folder, 'report.xml');
    const command = [
      process.execPath,
      'test',
      '--reporter=junit',
      `--reporter-outfile=${report}`,
      './a.test.ts',
    ];
    const child = Bun.spawn(command, { cwd: folder, stdout: 'ignore', stderr: 'ignore' });
    const exitCode = await child.exited;
    return readJunit(
      await Bun.file(report)
        .text()
        .catch(() => ''),
      exitCode,
      'output',
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('bun test', () => {
  test('a run is read with what passed, failed and was skipped, and the names of those', async () => {
    const outcome = await outcomeOf(`
      test('works', () => expect(1).toBe(1));
      describe('some', () => {
        test('does "not" work', () => expect(1).toBe(2));
        test.skip('needs <more>', () => {});
      });
      test.todo('later');`);
    expect(outcome).toMatchObject({ passed: 1, failed: 1, skipped: 2, output: 'output' });
    expect(outcome.notes).toEqual(['skipped: needs <more>', 'skipped: later']);
  });

  test('a passing run is read as such, whatever a test prints', async () => {
    const outcome = await outcomeOf(
      `test('works', () => console.log('<testsuites tests="99" failures="0">'));`,
    );
    expect(outcome).toMatchObject({ passed: 1, failed: 0, skipped: 0, notes: [] });
  });

  test.each([
    [
      'an error between tests',
      `test('works', () => {}); setTimeout(() => { throw new Error('late'); });
      test('waits', () => Bun.sleep(50));`,
    ],
    ['a file that does not load', `import './missing.ts'; test('works', () => {});`],
    ['a file without tests', ''],
    ['a crash', `test('works', () => {}); test('crashes', () => process.exit(3));`],
  ])('%s is a failure', async (_, lines) => {
    expect((await outcomeOf(lines)).failed).toBeGreaterThan(0);
  });

  test('an exit code that contradicts the report is a failure', () => {
    const xml = '<testsuites name="bun test" tests="3" assertions="3" failures="0" skipped="0" time="1">';
    expect(readJunit(xml, 0, '')).toMatchObject({ passed: 3, failed: 0, notes: [] });
    expect(readJunit(xml, 1, '')).toMatchObject({
      failed: 1,
      notes: [expect.stringContaining('exit code was 1')],
    });
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
