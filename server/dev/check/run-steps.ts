import type { Need } from './needs.ts';
import { installHint, missingNeeds } from './needs.ts';
import { countSkippedAsFailed, failed, type Outcome, skipped } from './outcome.ts';
import type { Step, StepContext } from './steps.ts';

export interface RunOptions {
  /** Under CI: whatever was left out has failed. */
  strict: boolean;
  write(text: string): unknown;
  nowMs(): number;
}

/**
 * Runs one step after the other, and those for the background beside them; one that fails does not hide the next.
 * Their reports come in the order of the steps.
 */
export async function runSteps(
  steps: readonly Step[],
  context: StepContext,
  options: RunOptions,
): Promise<Outcome[]> {
  const timed = async (step: Step) => {
    const start = options.nowMs();
    const outcome = await runStep(step, context, options.strict);
    return { outcome, elapsedMs: options.nowMs() - start };
  };
  const inBackground = new Map(
    steps.filter((step) => step.inBackground).map((step) => [step, timed(step)] as const),
  );
  const outcomes: Outcome[] = [];
  for (const step of steps) {
    options.write(`${step.name.padEnd(9)} `);
    const { outcome, elapsedMs } = await (inBackground.get(step) ?? timed(step));
    outcomes.push(outcome);
    options.write(report(outcome, elapsedMs));
  }
  return outcomes;
}

async function runStep(step: Step, context: StepContext, strict: boolean): Promise<Outcome> {
  const missing = missingNeeds(step.needs);
  const fatal = missing.filter((need) => need.otherwise === undefined);
  if (fatal.length > 0) {
    const outcome = skipped(`${describe(fatal)} is missing: ${installHint(fatal)}`);
    return strict ? countSkippedAsFailed(outcome) : outcome;
  }
  const outcome = await step.run(context).catch((error: unknown) => failed(`${describeError(error)}\n`));
  const notes = missing.map((need) => `${need.name} is missing, ${need.otherwise}: ${installHint([need])}`);
  const noted = { ...outcome, notes: [...notes, ...outcome.notes] };
  if (!strict) return noted;
  return countSkippedAsFailed({ ...noted, failed: noted.failed + missing.length });
}

function report(outcome: Outcome, elapsedMs: number): string {
  const state = outcome.failed > 0 ? 'FAILED' : outcome.passed === 0 ? 'skipped' : 'ok';
  const counts = (['passed', 'failed', 'skipped'] as const)
    .filter((key) => outcome[key] > 0)
    .map((key) => `${outcome[key]} ${key}`)
    .join(', ');
  const notes = outcome.notes.map((note) => `          ${note}\n`).join('');
  const output = outcome.failed > 0 && outcome.output !== '' ? `\n${outcome.output.trimEnd()}\n\n` : '';
  return `${state.padEnd(8)} ${(elapsedMs / 1000).toFixed(1).padStart(6)} s  ${counts}\n${notes}${output}`;
}

function describe(needs: readonly Need[]): string {
  return needs.map((need) => need.name).join(', ');
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
