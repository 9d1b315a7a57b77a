import { until } from './harness.ts';

/** A process that a test has started. */
export interface Child {
  readonly pid: number;
  /** What it has printed so far, both streams. */
  output(): string;
  /** Waits until the output has a match. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** Resolves with its exit code; -1 where a signal ended it. */
  readonly exited: Promise<number>;
  /** Ends it if it still runs. */
  end(): Promise<void>;
}

/** A stack starts within seconds, on a machine that is busy with other tests within more. */
const PRINT_LIMIT_MS = 60_000;

/** Starts a program with just these variables and a PATH. */
export function startChild(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Child {
  const child = Bun.spawn([...command], {
    env: { PATH: process.env.PATH, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: 'ignore',
    // A process group of its own, so that it ends with what it has started.
    detached: true,
    stdout: 'pipe',
    stderr: 'pipe',
  });
  let output = '';
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) output += decoder.decode(bytes, { stream: true });
  };
  const drained = Promise.all([read(child.stdout), read(child.stderr)]);
  let running = true;
  const exited = child.exited.then(async () => {
    await drained;
    running = false;
    return child.exitCode ?? -1;
  });
  return {
    pid: child.pid,
    output: () => output,
    async prints(pattern) {
      let match: RegExpExecArray | null = null;
      await until(
        `the child prints ${pattern}`,
        () => {
          match = pattern.exec(output);
          if (!match && !running) throw new Error(`it ended without printing ${pattern}:\n${output}`);
          return match !== null;
        },
        PRINT_LIMIT_MS,
      );
      return match ?? pattern.exec(output) ?? fail(pattern);
    },
    signal: (name) => child.kill(name),
    exited,
    async end() {
      if (running) process.kill(-child.pid, 'SIGKILL');
      await exited;
    },
  };
}

function fail(pattern: RegExp): never {
  throw new Error(`nothing matches ${pattern}`);
}
