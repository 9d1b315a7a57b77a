import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
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
  const descriptor = openAnonymousFile();
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
    return { exitCode: timedOut ? 124 : exitCode, output: readAll(descriptor) + note };
  } catch (error) {
    return { exitCode: 127, output: `${command.join(' ')}: ${error}\n` };
  } finally {
    closeSync(descriptor);
  }
};

/** Ends what is still running; for the moment before the check itself ends early. */
export function killRunningCommands(): void {
  for (const pid of running) killGroup(pid);
}

/** A file without a name, so that nothing is left of it however this process ends. */
function openAnonymousFile(): number {
  const file = join(tmpdir(), `check-output-${crypto.randomUUID()}`);
  const descriptor = openSync(file, 'wx+');
  unlinkSync(file);
  return descriptor;
}

function readAll(descriptor: number): string {
  const buffer = Buffer.alloc(fstatSync(descriptor).size);
  const bytes = readSync(descriptor, buffer, 0, buffer.length, 0);
  return buffer.toString('utf8', 0, bytes);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
