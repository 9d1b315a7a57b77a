import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandLine } from './command-line.ts';
import { accessFault, StackError } from './stack-error.ts';

/** The folder in which a stack keeps its data, taken by this process alone. */
export interface DataFolder {
  release(): Promise<void>;
}

const ATTEMPTS = 3;

/**
 * Makes the folder if there is none, and takes it for this process.
 *
 * @param command what starts this stack, for the line that starts it elsewhere.
 * @throws StackError where it cannot be used, or another stack uses it.
 */
export async function takeDataFolder(
  dataDir: string,
  env: Readonly<Record<string, string | undefined>>,
  command: string,
): Promise<DataFolder> {
  const file = join(dataDir, 'dev.pid');
  try {
    await mkdir(dataDir, { recursive: true });
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (await writeNew(file)) return { release: () => rm(file, { force: true }) };
      const pid = Number(await readFile(file, 'utf8').catch(() => ''));
      if (await isStack(pid)) {
        const elsewhere = commandLine(command, env, {
          DATA_DIR: `${dataDir}-2`,
          PORT: '0',
          MQTT_PORT: '0',
          EMQX_API_PORT: '0',
        });
        throw new StackError(
          `The development stack with pid ${pid} uses ${dataDir}. Stop it, or start this one elsewhere: ${elsewhere}`,
        );
      }
      // Left behind by one that was killed.
      await rm(file, { force: true });
    }
  } catch (error) {
    if (error instanceof StackError) throw error;
    throw new StackError(`DATA_DIR ${dataDir} cannot be used: ${accessFault(error)}.`);
  }
  throw new StackError(`DATA_DIR ${dataDir} is being taken by another development stack.`);
}

async function writeNew(file: string): Promise<boolean> {
  try {
    await writeFile(file, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether a process runs under that id, and where that can be told, whether it is one of ours: ids are used again. */
async function isStack(pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  if (process.platform !== 'linux') return true;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes('dev/main.ts');
}
