import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CommandResult {
  exitCode: number;
  /** Standard output and standard error in the order they were written. */
  output: string;
}

interface CommandOptions {
  cwd: string;
  env: Record<string, string | undefined>;
  timeoutMs?: number;
}

export type RunCommand = (command: readonly string[], options: CommandOptions) => Promise<CommandResult>;

const running = new Set<number>();

/**
 * Runs a command without standard input. Output goes through a file: it keeps the order of both streams, and a
 * background process that the command leaves behind cannot hold a pipe open.
 */
export const runCommand: RunCommand = async (command, { cwd, env, timeoutMs = 30 * 60_000 }) => {
  const folder = mkdtempSync(join(tmpdir(), 'check-'));
  const file = join(folder, 'output');
  const descriptor = openSync(file, 'w');
  try {
    const child = Bun.spawn([...command], {
      cwd,
      env,
      stdin: 'ignore',
      stdout: descriptor,
      stderr: descriptor,
      // A process group of its own, so that it ends with all that it started.
      detached: true,
    });
    running.add(child.pid);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, timeoutMs);
    const exitCode = await child.exited;
    clearTimeout(timer);
    running.delete(child.pid);
    const note = timedOut ? `\nended after ${timeoutMs / 1000} s without a result\n` : '';
    return { exitCode: timedOut ? 124 : exitCode, output: readFileSync(file, 'utf8') + note };
  } catch (error) {
    return { exitCode: 127, output: `${command.join(' ')}: ${error}\n` };
  } finally {
    closeSync(descriptor);
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Ends what is still running; for the moment before the check itself ends early. */
export function killRunningCommands(): void {
  for (const pid of running) killGroup(pid);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
