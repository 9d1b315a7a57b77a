import { expect, test } from 'bun:test';
import type { RunCommand } from './command.ts';
import {
  installedAsDebianPackage,
  installHint,
  installNeeds,
  installNotice,
  missingNeeds,
  type Need,
} from './needs.ts';

const shellcheck = need('shellcheck', ['shellcheck'], 'lints the shell scripts');
const compiler = need('g++', ['g++', 'make'], 'compiles the firmware');
const git = need('git', ['git'], 'asks for the version', true);

function need(name: string, debianPackages: string[], why: string, present = false): Need {
  return { name, debianPackages, why, isPresent: () => present };
}

function recorder(installExitCode: number) {
  const commands: string[] = [];
  const run: RunCommand = async (command, { env }) => {
    commands.push(`${env.DEBIAN_FRONTEND} ${command.join(' ')}`);
    return { exitCode: command.includes('install') ? installExitCode : 0, output: 'what apt said' };
  };
  return { commands, run };
}

test('what several steps need is asked for once, and what is there not at all', () => {
  expect(missingNeeds([shellcheck, git, compiler, shellcheck])).toEqual([shellcheck, compiler]);
});

test('missing packages are installed in one go, without questions and without extras', async () => {
  const { commands, run } = recorder(0);
  expect(await installNeeds([shellcheck, compiler], run, {})).toBe('');
  expect(commands).toEqual([
    'noninteractive apt-get update --quiet',
    'noninteractive apt-get install --yes --quiet --no-install-recommends shellcheck g++ make',
  ]);
});

test('a failed installation is told with what apt said', async () => {
  expect(await installNeeds([shellcheck], recorder(100).run, {})).toContain('what apt said');
});

test('the hint names the packages', () => {
  expect(installHint([compiler, shellcheck])).toBe('apt-get install g++ make shellcheck');
});

test('what is about to be installed is told with its purpose, and how to prevent it', () => {
  const header = need('doctest', ['doctest-dev'], 'compiles the firmware');
  expect(installNotice([compiler, shellcheck, header])).toBe(
    [
      'Installing system packages that the check uses (--no-install leaves them out, and skips what needs them):',
      '  g++ make doctest-dev: compiles the firmware',
      '  shellcheck: lints the shell scripts',
      '  apt-get install g++ make shellcheck doctest-dev',
      '',
    ].join('\n'),
  );
});

test.skipIf(Bun.which('dpkg-query') === null)('a Debian package is installed or it is not', () => {
  expect(installedAsDebianPackage('dpkg')).toBe(true);
  expect(installedAsDebianPackage('no-such-package-here')).toBe(false);
});
