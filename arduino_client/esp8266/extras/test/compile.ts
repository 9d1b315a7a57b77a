import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { run } from './shell.ts';

export interface Target {
  /** Folder under build/. */
  readonly name: string;
  readonly compiler: readonly string[];
  readonly flags: readonly string[];
  /** Which of the flags a source is compiled with; all unless given. */
  readonly flagsFor?: (source: string) => readonly string[];
}

const JOBS = availableParallelism();

/**
 * Compiles what changed since the last time, a file for each processor: a source, a header that it includes, or the
 * command. Returns the objects, or throws with the compiler's words.
 */
export async function compile(target: Target, build: string, sources: readonly string[]): Promise<string[]> {
  const folder = join(build, target.name);
  mkdirSync(folder, { recursive: true });
  const command = (source: string) => [...target.compiler, ...(target.flagsFor?.(source) ?? target.flags)];
  const stamp = (source: string) =>
    createHash('sha256')
      .update(JSON.stringify(command(source)))
      .digest('hex');
  const waiting = sources
    .filter((source) => !isFresh(objectOf(folder, source), stamp(source)))
    // The longest first, so that no processor waits for it at the end.
    .sort((a, b) => statSync(b).size - statSync(a).size);
  const problems: string[] = [];
  const worker = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      const object = objectOf(folder, source);
      rmSync(object, { force: true });
      const { code, output } = await run([
        ...command(source),
        '-MMD',
        '-MF',
        `${object}.d`,
        '-c',
        source,
        '-o',
        object,
      ]);
      if (code === 0) writeFileSync(`${object}.stamp`, stamp(source));
      else problems.push(output);
    }
  };
  await Promise.all(Array.from({ length: JOBS }, worker));
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return sources.map((source) => objectOf(folder, source));
}

/** Links unless nothing changed. Returns the program. */
export async function link(
  target: Target,
  build: string,
  name: string,
  objects: readonly string[],
): Promise<string> {
  const program = join(build, target.name, name);
  const newest = Math.max(...objects.map((object) => statSync(object).mtimeMs));
  if (!existsSync(program) || statSync(program).mtimeMs < newest) {
    const { code, output } = await run([...target.compiler, ...target.flags, ...objects, '-o', program]);
    if (code !== 0) throw new Error(output);
  }
  return program;
}

function objectOf(folder: string, source: string): string {
  return join(folder, `${basename(dirname(source))}-${basename(source)}.o`);
}

function isFresh(object: string, stamp: string): boolean {
  if (!existsSync(object) || !existsSync(`${object}.d`) || !existsSync(`${object}.stamp`)) return false;
  if (readFileSync(`${object}.stamp`, 'utf8') !== stamp) return false;
  const made = statSync(object).mtimeMs;
  const inputs = readFileSync(`${object}.d`, 'utf8')
    .replace(/\\\n/g, ' ')
    .replace(/^[^:]*:/, '')
    .trim()
    .split(/\s+/);
  return inputs.every((input) => existsSync(input) && statSync(input).mtimeMs <= made);
}
