import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandResult } from './command.ts';
import { installedAsDebianPackage, type Need } from './needs.ts';
import { failed, type Outcome, passed } from './outcome.ts';
import { findFiles, findTestFiles, type Suite } from './test-files.ts';
import { readClosingLine, readJunit } from './test-output.ts';

export interface StepContext {
  root: string;
  exec(command: string[], env?: Record<string, string>): Promise<CommandResult>;
  /** A PostgreSQL for tests, started when first asked for. */
  databaseUrl(): Promise<string>;
}

export interface Step {
  name: string;
  needs: Need[];
  /** Begins with the first step, beside the others. */
  inBackground?: boolean;
  run(context: StepContext): Promise<Outcome>;
}

/**
 * Test files that run at once: as many as there are processors, since more make the time limits within tests depend on
 * each other; a few at most, because the PostgreSQL that they share has a limit of connections.
 */
const PARALLEL_FILES = Math.min(availableParallelism(), 4);

const FIRMWARE_TESTS = 'arduino_client/esp8266/extras/test';

const chromium: Need = {
  name: 'Chromium',
  debianPackages: ['chromium'],
  why: 'opens the pages of the server',
  isPresent: () => Bun.which('chromium') !== null,
};

const shellcheck: Need = program('shellcheck', 'lints the shell scripts');

const dockerCompose: Need = {
  ...program('docker-compose', 'validates the compose files'),
  otherwise: 'the tests of the compose files are skipped',
};

const openssl: Need = program('openssl', 'makes certificates for the tests of the broker image');
const opensslForServer: Need = {
  ...program('openssl', 'makes certificates for the tests of the server'),
  otherwise: 'a broker behind TLS is not tried',
};

const RUNS_LINES = 'runs the lines that the development stack prints';
const curl: Need = { ...program('curl', RUNS_LINES), otherwise: 'the printed lines are not run' };
const mosquitto: Need = {
  ...program('mosquitto_sub', RUNS_LINES, 'mosquitto-clients'),
  otherwise: 'the printed lines are not run',
};

/** Every step, in the order of a run: what is quick and tells most comes first, together. */
export async function listSteps(root: string): Promise<Step[]> {
  return [
    commandStep('lint', ['node_modules/.bin/biome', 'check', '--error-on-warnings', '.']),
    typesStep('types', '.'),
    typesStep('dashboard', 'server/dashboard'),
    commandStep('imports', [
      process.execPath,
      '--bun',
      'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
      '--config',
      '.dependency-cruiser.json',
      'server/src',
      'server/contract',
      'mqtt/dev-broker/src',
    ]),
    commandStep('knip', ['node_modules/.bin/knip', '--no-progress']),
    shellStep(root),
    ...bunTestStep(root, 'unit', []),
    ...bunTestStep(root, 'mqtt', [dockerCompose, openssl]),
    ...bunTestStep(root, 'e2e', [curl, mosquitto, opensslForServer]),
    ...bunTestStep(root, 'browser', [chromium]),
    ...(await firmwareStep(root)),
  ];
}

function commandStep(name: string, command: string[]): Step {
  return {
    name,
    needs: [],
    inBackground: true,
    async run({ exec }) {
      const { exitCode, output } = await exec(command);
      return exitCode === 0 ? passed() : failed(output, [`exit code ${exitCode}`]);
    },
  };
}

/** Several threads would each check the types that they share anew: twice the work, and no sooner done. */
function typesStep(name: string, project: string): Step {
  return commandStep(name, ['node_modules/.bin/tsc', '-p', project, '--singleThreaded']);
}

function shellStep(root: string): Step {
  const step = commandStep('shell', ['shellcheck', ...findFiles(root, '**/*.sh'), '.ci/run']);
  return { ...step, needs: [shellcheck] };
}

function bunTestStep(root: string, suite: Suite, needs: Need[]): Step[] {
  const files = findTestFiles(root, suite);
  if (files.length === 0) return [];
  const step: Step = {
    name: suite,
    needs,
    async run({ exec, databaseUrl }) {
      const report = join(tmpdir(), `check-report-${crypto.randomUUID()}.xml`);
      try {
        const { exitCode, output } = await exec(
          [
            process.execPath,
            // An .env of the working copy is for running the server, not for its tests.
            '--no-env-file',
            'test',
            `--parallel=${PARALLEL_FILES}`,
            '--timeout=30000',
            '--reporter=junit',
            `--reporter-outfile=${report}`,
            ...files.map((file) => `./${file}`),
          ],
          { TEST_DATABASE_URL: await databaseUrl() },
        );
        const xml = await readFile(report, 'utf8').catch(() => '');
        return readJunit(xml, exitCode, output);
      } finally {
        await rm(report, { force: true });
      }
    },
  };
  return [step];
}

async function firmwareStep(root: string): Promise<Step[]> {
  const folder = join(root, FIRMWARE_TESTS);
  if (!existsSync(join(folder, 'run.ts'))) return [];
  const step: Step = {
    name: 'firmware',
    needs: await firmwareNeeds(join(folder, 'debian-packages.ts')),
    // It compiles for minutes, with what the other steps leave of the processors.
    inBackground: true,
    async run({ exec }) {
      const nice = Bun.which('nice') ? ['nice', '-n', '19'] : [];
      const { exitCode, output } = await exec([...nice, process.execPath, `${FIRMWARE_TESTS}/run.ts`]);
      return readClosingLine(output, exitCode);
    },
  };
  return [step];
}

/** The firmware's tests name the Debian packages they need themselves. */
async function firmwareNeeds(file: string): Promise<Need[]> {
  if (!existsSync(file)) return [];
  const exported: Record<string, unknown> = await import(file);
  const packages = Object.values(exported)
    .flat()
    .filter((value): value is string => typeof value === 'string');
  return packages.map((name) => ({
    name,
    debianPackages: [name],
    why: 'compiles and tests the firmware library',
    isPresent: () => installedAsDebianPackage(name),
  }));
}

function program(name: string, why: string, debianPackage = name): Need {
  return { name, debianPackages: [debianPackage], why, isPresent: () => Bun.which(name) !== null };
}
