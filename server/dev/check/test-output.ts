import type { Outcome } from './outcome.ts';

/**
 * Reads the block with which `bun test` ends:
 *
 *     3 pass
 *     1 skip
 *     0 fail
 *    Ran 4 tests across 2 files. [12.00ms]
 *
 * Whatever does not add up counts as a failure, so that a runner that crashed or found no test is never taken for a success.
 */
export function readBunTestOutput(output: string, exitCode: number): Outcome {
  const lines = output.split('\n').map((line) => line.trimEnd());
  const end = lines.findLastIndex((line) => /^Ran \d+ tests? across /.test(line));
  const counts = { pass: 0, fail: 0, skip: 0, todo: 0 };
  for (const line of lines.slice(Math.max(0, end - 10), Math.max(0, end))) {
    const [, count, kind] = /^ (\d+) (pass|fail|skip|todo)$/.exec(line) ?? [];
    if (count !== undefined && kind !== undefined) counts[kind as keyof typeof counts] = Number(count);
  }

  const skippedTests = lines.filter((line) => /^\((skip|todo)\) /.test(line));
  const outcome: Outcome = {
    passed: counts.pass,
    failed: counts.fail,
    skipped: counts.skip + counts.todo,
    output,
    notes: skippedTests,
  };

  const ran = Number(/^Ran (\d+) /.exec(lines[end] ?? '')?.[1] ?? 0);
  const fault = findFault(ran, outcome, exitCode);
  if (fault !== undefined) {
    outcome.failed = Math.max(outcome.failed, 1);
    outcome.notes = [...outcome.notes, fault];
  }
  return outcome;
}

function findFault(ran: number, outcome: Outcome, exitCode: number): string | undefined {
  if (ran === 0) return `no test ran (exit code ${exitCode})`;
  if (outcome.passed + outcome.failed + outcome.skipped !== ran) return 'the counts do not add up';
  if (exitCode !== 0 && outcome.failed === 0) return `no test failed, but the exit code was ${exitCode}`;
  return undefined;
}

/** Reads a runner whose last line is `N passed, N failed`, perhaps with `, N skipped`. */
export function readClosingLine(output: string, exitCode: number): Outcome {
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const match = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(last.trim());
  const outcome: Outcome = {
    passed: Number(match?.[1] ?? 0),
    failed: Number(match?.[2] ?? 0),
    skipped: Number(match?.[3] ?? 0),
    output,
    notes: [],
  };
  if (match === null || (exitCode !== 0 && outcome.failed === 0) || outcome.passed + outcome.failed === 0) {
    outcome.failed = Math.max(outcome.failed, 1);
    outcome.notes = [`exit code ${exitCode}, last line: ${last}`];
  }
  return outcome;
}
