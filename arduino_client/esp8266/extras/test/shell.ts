export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs a program to its end; its output, both streams, comes back. */
export async function run(
  command: readonly string[],
  cwd?: string,
  env?: Record<string, string>,
): Promise<Outcome> {
  const child = Bun.spawn([...command], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, output: out + err };
}

/** As `run`, but throws unless it succeeds. */
export async function must(
  command: readonly string[],
  cwd?: string,
  env?: Record<string, string>,
): Promise<string> {
  const { code, output } = await run(command, cwd, env);
  if (code !== 0) throw new Error(`${command.slice(0, 3).join(' ')} … exited with ${code}\n${output}`);
  return output;
}
