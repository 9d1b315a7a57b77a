import { existsSync } from 'node:fs';
import type { RunCommand } from './command.ts';

/** A program that a step uses and that does not come from npm. */
export interface Need {
  name: string;
  debianPackages: string[];
  /** What a step does with it, such as "lints the shell scripts". */
  why: string;
  isPresent(): boolean;
  /** What a step does without it; a step with no such way is skipped. */
  otherwise?: string;
}

export interface Machine {
  /** Whether missing packages can be installed without asking anybody: root on Debian or a relative. */
  canInstall: boolean;
}

export function inspectMachine(): Machine {
  const isRoot = process.getuid?.() === 0;
  return { canInstall: isRoot && existsSync('/etc/debian_version') && Bun.which('apt-get') !== null };
}

/** Where packages are not Debian's this cannot be told, and what uses the package has to say so itself. */
export function installedAsDebianPackage(name: string): boolean {
  if (Bun.which('dpkg-query') === null) return true;
  const query = Bun.spawnSync(['dpkg-query', '--status', name], { stderr: 'ignore' });
  return query.stdout.toString().includes('\nStatus: install ok installed\n');
}

export function missingNeeds(needs: readonly Need[]): Need[] {
  return [...new Map(needs.map((need) => [need.name, need])).values()].filter((need) => !need.isPresent());
}

/** Says which system packages are about to be installed and what for, a line for each purpose. */
export function installNotice(needs: readonly Need[]): string {
  const byPurpose = Map.groupBy(needs, ({ why }) => why);
  const lines = [...byPurpose].map(([why, group]) => `  ${debianPackagesOf(group).join(' ')}: ${why}\n`);
  return [
    'Installing system packages that the check uses (--no-install leaves them out, and skips what needs them):\n',
    ...lines,
    `  ${installHint(needs)}\n`,
  ].join('');
}

export function installHint(needs: readonly Need[]): string {
  return `apt-get install ${debianPackagesOf(needs).join(' ')}`;
}

/** Installs what is missing in one go; what could not be installed shows when the needs are looked at again. */
export async function installNeeds(
  needs: readonly Need[],
  run: RunCommand,
  env: Record<string, string | undefined>,
): Promise<string> {
  const options = { cwd: '/', env: { ...env, DEBIAN_FRONTEND: 'noninteractive' } };
  const update = await run(['apt-get', 'update', '--quiet'], options);
  const install = await run(
    ['apt-get', 'install', '--yes', '--quiet', '--no-install-recommends', ...debianPackagesOf(needs)],
    options,
  );
  return install.exitCode === 0 ? '' : `${update.output}${install.output}`;
}

function debianPackagesOf(needs: readonly Need[]): string[] {
  return [...new Set(needs.flatMap((need) => need.debianPackages))];
}
