import type { Outcome } from './outcome.ts';

/**
 * Reads the report that `bun test --reporter=junit` writes. No report, no test in it, or an exit code that contradicts it
 * counts as a failure, so that a runner that crashed is never taken for a success.
 */
export function readJunit(xml: string, exitCode: number, output: string): Outcome {
  const total = /<testsuites\b[^>]*>/.exec(xml)?.[0] ?? '';
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(total)?.[1] ?? 0);
  const [tests, failures, skipped] = [count('tests'), count('failures'), count('skipped')];
  const outcome: Outcome = {
    passed: tests - failures - skipped,
    failed: failures,
    skipped,
    output,
    notes: [...xml.matchAll(/<testcase name="([^"]*)"[^>]*>\s*<skipped\b/g)].map(
      ([, name = '']) => `skipped: ${unescapeXml(name)}`,
    ),
  };
  const fault =
    tests === 0
      ? `no test ran (exit code ${exitCode})`
      : exitCode !== 0 && failures === 0
        ? `no test failed, but the exit code was ${exitCode}`
        : undefined;
  return fault === undefined
    ? outcome
    : { ...outcome, failed: Math.max(failures, 1), notes: [...outcome.notes, fault] };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function unescapeXml(text: string): string {
  return text.replace(/&(\w+);/g, (entity, name: string) => ENTITIES[name] ?? entity);
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
