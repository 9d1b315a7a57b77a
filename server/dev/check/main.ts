/**
 * The repository's one check: `npx -y bun run test [--no-install] [step...]`.
 *
 * Runs every step, or those named, and ends with `N passed, N failed`. As root on Debian it first installs the system
 * packages that they need, after saying which and why; with `--no-install` steps without theirs are skipped.
 */
import { resolve } from 'node:path';
import { asksForHelp } from '../../src/asks-for-help.ts';
import { type LocalPostgres, startPostgres } from '../postgres/postgres.ts';
import { killRunningCommands, runCommand } from './command.ts';
import { inspectMachine, installNeeds, installNotice, missingNeeds } from './needs.ts';
import { closingLine, exitCode } from './outcome.ts';
import { runSteps } from './run-steps.ts';
import { listSteps, type Step, type StepContext } from './steps.ts';

const root = resolve(import.meta.dir, '../../..');
// Tools colour their output where these ask for it, and the counts are read from that output.
const { FORCE_COLOR: _, ...environment } = process.env;
const env = { ...environment, NO_COLOR: '1' };
const strict = /^(true|1)$/i.test(process.env.CI ?? '');

const NO_INSTALL = '--no-install';
const names = process.argv.slice(2).filter((argument) => argument !== NO_INSTALL);
const all = await listSteps(root);
if (asksForHelp(names)) {
  const steps = all.map(({ name }) => name).join(' ');
  console.log(`Usage: bun run test [${NO_INSTALL}] [step...]\n\nAll steps, or some of: ${steps}`);
  process.exit(0);
}
const steps = selectSteps(all, names);
if (!process.argv.includes(NO_INSTALL)) await prepare(steps);

let interrupted = false;
let postgres: Promise<LocalPostgres> | undefined;
const context: StepContext = {
  root,
  exec: (command, extra = {}) => runCommand(command, { cwd: root, env: { ...env, ...extra } }),
  async databaseUrl() {
    const given = process.env.TEST_DATABASE_URL;
    if (given) return given;
    postgres ??= startPostgres({ announce: console.log });
    return (await postgres).url;
  },
};

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, async () => {
    interrupted = true;
    killRunningCommands();
    await closePostgres();
    console.log('interrupted');
    process.exit(code);
  });
}

const outcomes = await runSteps(steps, context, {
  strict,
  // What was ended early has not failed: its report would mislead.
  write: (text) => interrupted || process.stdout.write(text),
  nowMs: () => performance.now(),
});
await closePostgres();
console.log(`\n${closingLine(outcomes)}`);
process.exitCode = exitCode(outcomes);

async function closePostgres(): Promise<void> {
  const started = await postgres?.catch(() => undefined);
  await started?.close();
}

function selectSteps(all: Step[], names: string[]): Step[] {
  const unknown = names.filter((name) => !all.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(
      `no such step: ${unknown.join(', ')}; there are: ${all.map((step) => step.name).join(', ')}`,
    );
    process.exit(2);
  }
  return names.length === 0 ? all : all.filter((step) => names.includes(step.name));
}

async function prepare(selected: Step[]): Promise<void> {
  const missing = missingNeeds(selected.flatMap((step) => step.needs));
  if (missing.length === 0 || !inspectMachine().canInstall) return;
  console.log(installNotice(missing));
  const fault = await installNeeds(missing, runCommand, env);
  if (fault !== '') console.log(fault);
}
