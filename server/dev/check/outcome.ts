/** What a step, or all of them together, came to. */
export interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  /** Everything the step printed; shown when it failed. */
  output: string;
  /** Lines for the reader even when all is well, such as what was left out and why. */
  notes: string[];
}

export function passed(count = 1): Outcome {
  return { passed: count, failed: 0, skipped: 0, output: '', notes: [] };
}

export function failed(output: string, notes: string[] = []): Outcome {
  return { passed: 0, failed: 1, skipped: 0, output, notes };
}

export function skipped(note: string): Outcome {
  return { passed: 0, failed: 0, skipped: 1, output: '', notes: [note] };
}

/** Where nothing may be left out, what was skipped has failed. */
export function countSkippedAsFailed(outcome: Outcome): Outcome {
  if (outcome.skipped === 0) return outcome;
  return {
    ...outcome,
    failed: outcome.failed + outcome.skipped,
    skipped: 0,
    notes: [...outcome.notes, `${outcome.skipped} skipped: under CI nothing may be`],
  };
}

/** The closing line: `N passed, N failed`, and `, N skipped` when something was. */
export function closingLine(outcomes: readonly Outcome[]): string {
  const sum = (key: 'passed' | 'failed' | 'skipped') =>
    outcomes.reduce((total, outcome) => total + outcome[key], 0);
  const line = `${sum('passed')} passed, ${sum('failed')} failed`;
  return sum('skipped') > 0 ? `${line}, ${sum('skipped')} skipped` : line;
}

/** A run in which nothing passed has shown nothing. */
export function exitCode(outcomes: readonly Outcome[]): number {
  const anyFailed = outcomes.some((outcome) => outcome.failed > 0);
  const anyPassed = outcomes.some((outcome) => outcome.passed > 0);
  return anyFailed || !anyPassed ? 1 : 0;
}
