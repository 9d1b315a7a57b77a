import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandResult } from './command.ts';
import { installedAsDebianPackage, type Need } from './needs.ts';
import { failed, type Outcome, passed } from './outcome.ts';
import { findFiles, findTestFiles, type Suite } from './test-files.ts';
import { readBunTestOutput, readClosingLine } from './test-output.ts';

export interface StepContext {
  root: string;
  exec(command: string[], env?: Record<string, string>): Promise<CommandResult>;
  /** A PostgreSQL for tests, started when first asked for. */
  databaseUrl(): Promise<string>;
}

export interface Step {
  name: string;
  needs: Need[];
  run(context: StepContext): Promise<Outcome>;
}

const FIRMWARE_TESTS = 'arduino_client/esp8266/extras/test';

const chromium: Need = {
  name: 'Chromium',
  debianPackages: ['chromium'],
  isPresent: () => Bun.which('chromium') !== null,
};

const shellcheck: Need = program('shellcheck', ['shellcheck']);

const dockerCompose: Need = {
  ...program('docker-compose', ['docker-compose']),
  otherwise: 'the tests of the compose files are skipped',
};

const openssl: Need = program('openssl', ['openssl']);

/** They run the lines that the development stack prints. */
const curl: Need = { ...program('curl', ['curl']), otherwise: 'the printed lines are not run' };
const mosquitto: Need = {
  ...program('mosquitto_sub', ['mosquitto-clients']),
  otherwise: 'the printed lines are not run',
};

/** Every step, in the order of a run: what is quick and tells most comes first. */
export async function listSteps(root: string): Promise<Step[]> {
  return [
    commandStep('lint', ['node_modules/.bin/biome', 'check', '--error-on-warnings', '.']),
    commandStep('types', ['node_modules/.bin/tsc', '-p', '.']),
    commandStep('dashboard', ['node_modules/.bin/tsc', '-p', 'server/dashboard']),
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
    ...bunTestStep(root, 'e2e', [curl, mosquitto]),
    ...bunTestStep(root, 'browser', [chromium]),
    ...(await firmwareStep(root)),
  ];
}

function commandStep(name: string, command: string[]): Step {
  return {
    name,
    needs: [],
    async run({ exec }) {
      const { exitCode, output } = await exec(command);
      return exitCode === 0 ? passed() : failed(output, [`exit code ${exitCode}`]);
    },
  };
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
      // An .env of the working copy is for running the server, not for its tests.
      const { exitCode, output } = await exec(
        [process.execPath, '--no-env-file', 'test', '--timeout=30000', ...files.map((file) => `./${file}`)],
        { TEST_DATABASE_URL: await databaseUrl() },
      );
      return readBunTestOutput(output, exitCode);
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
    async run({ exec }) {
      const { exitCode, output } = await exec([process.execPath, `${FIRMWARE_TESTS}/run.ts`]);
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
    isPresent: () => installedAsDebianPackage(name),
  }));
}

function program(name: string, debianPackages: string[]): Need {
  return { name, debianPackages, isPresent: () => Bun.which(name) !== null };
}
