import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectMachine } from './needs.ts';

const MAIN = join(import.meta.dir, 'main.ts');
/** Only then does the check install anything. */
const { canInstall } = inspectMachine();

let folder: string;
let installed: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-install-'));
  installed = join(folder, 'installed');
  await writeFile(join(folder, 'apt-get'), `#!/bin/sh\necho "$@" >> ${installed}\n`);
  await chmod(join(folder, 'apt-get'), 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the step that needs shellcheck on a machine that has no program but an `apt-get` that takes notes. */
async function check(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  await rm(installed, { force: true });
  const child = Bun.spawn([process.execPath, '--no-env-file', MAIN, ...args, 'shell'], {
    env: { PATH: folder, ...env },
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const output = await child.stdout.text();
  const asked = await Bun.file(installed)
    .text()
    .catch(() => '');
  return { output, exitCode: await child.exited, asked, last: output.trimEnd().split('\n').at(-1) };
}

describe('a missing system package', () => {
  test.skipIf(!canInstall)('is installed after the check has said which and why', async () => {
    const { output, asked } = await check([]);
    expect(asked).toContain('install --yes --quiet --no-install-recommends shellcheck');
    expect(output).toMatch(/^Installing system packages .*\n {2}shellcheck: lints the shell scripts\n/);
  });

  test('is not installed with --no-install: its step is visibly skipped', async () => {
    const { output, asked, last } = await check(['--no-install']);
    expect(asked).toBe('');
    expect(output).toMatch(/^shell +skipped/m);
    expect(output).toContain('shellcheck is missing: apt-get install shellcheck');
    expect(last).toBe('0 passed, 0 failed, 1 skipped');
  });

  test('fails the check under CI, also with --no-install', async () => {
    const { output, exitCode, last } = await check(['--no-install'], { CI: 'true' });
    expect(output).toMatch(/^shell +FAILED/m);
    expect(last).toBe('0 passed, 1 failed');
    expect(exitCode).toBe(1);
  });
});
