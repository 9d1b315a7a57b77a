import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';

export interface Instruction {
  keyword: string;
  /** What stands behind the keyword and its flags, continuation lines joined. */
  text: string;
  words: string[];
  flags: Record<string, string>;
  /** The words of an exec-form instruction; undefined for the shell form. */
  exec?: string[];
}

export function parseDockerfile(content: string): Instruction[] {
  return DockerfileParser.parse(content)
    .getInstructions()
    .map((instruction) => {
      const flags = 'getFlags' in instruction ? (instruction.getFlags as () => Flag[])() : [];
      const text = instruction
        .getArguments()
        .map((word) => word.getValue())
        .join(' ');
      const exec = parseExecForm(text.replace(/^CMD /, ''));
      return {
        keyword: instruction.getKeyword(),
        text,
        words: instruction.getArguments().map((word) => word.getValue()),
        flags: Object.fromEntries(flags.map((flag) => [flag.getName(), flag.getValue() ?? ''])),
        ...(exec === undefined ? {} : { exec }),
      };
    });
}

interface Flag {
  getName(): string;
  getValue(): string | null;
}

function parseExecForm(text: string): string[] | undefined {
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) && words.every((word) => typeof word === 'string') ? words : undefined;
  } catch {
    return undefined;
  }
}

/** The paths that an ignore file made of `*` and `!path` lines lets through. */
export function parseAllowList(content: string): (path: string) => boolean {
  const lines = content.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  if (lines[0] !== '*' || !lines.slice(1).every((line) => /^![\w./-]+$/.test(line))) {
    throw new Error('expected `*` and then nothing but `!path` lines');
  }
  const allowed = lines.slice(1).map((line) => line.slice(1));
  return (path) => allowed.some((entry) => path === entry || path.startsWith(`${entry}/`));
}

export interface ReplayedImage {
  /** The folder that stands for the image's working directory. */
  workdir: string;
  env: Record<string, string>;
  healthCheck: string[];
  command: string[];
}

/**
 * Does what a Dockerfile does, without Docker: each stage gets a folder, COPY copies into it from the build context (as
 * far as the ignore file lets it) or from an earlier stage, RUN runs in it. Ownership and the base image are left out.
 */
export async function replayDockerfile(
  instructions: readonly Instruction[],
  context: { folder: string; isAllowed(path: string): boolean },
  target: string,
  env: Record<string, string>,
): Promise<ReplayedImage> {
  let stage = '';
  let workdir = '/';
  const image: ReplayedImage = { workdir: '', env: {}, healthCheck: [], command: [] };
  const inStage = (path: string, of = stage) => join(target, of, posix.resolve(workdir, path));

  for (const { keyword, words, flags, exec, text } of instructions) {
    switch (keyword) {
      case 'FROM':
        stage = words[2] ?? 'final';
        workdir = '/';
        break;
      case 'WORKDIR':
        workdir = posix.resolve(workdir, text);
        mkdirSync(inStage('.'), { recursive: true });
        break;
      case 'COPY': {
        const sources = words.slice(0, -1);
        const destination = words.at(-1) ?? '';
        for (const source of sources) {
          const from = flags.from === undefined ? join(context.folder, source) : inStage(source, flags.from);
          if (flags.from === undefined && !context.isAllowed(source)) throw new Error(`${source} is ignored`);
          copy(from, inStage(destination), destination.endsWith('/'));
        }
        break;
      }
      case 'RUN': {
        const child = Bun.spawn(['sh', '-c', text], {
          cwd: inStage('.'),
          env,
          stdout: 'pipe',
          stderr: 'pipe',
        });
        const [exitCode, stderr] = await Promise.all([child.exited, child.stderr.text()]);
        if (exitCode !== 0) throw new Error(`RUN ${text}: exit code ${exitCode}\n${stderr}`);
        break;
      }
      case 'ENV':
        for (const word of words) {
          const [name = '', value = ''] = word.split('=');
          image.env[name] = value;
        }
        break;
      case 'HEALTHCHECK':
        image.healthCheck = exec ?? [];
        break;
      case 'CMD':
        image.command = exec ?? [];
        break;
      case 'USER':
      case 'EXPOSE':
        break;
      default:
        throw new Error(`${keyword} cannot be replayed`);
    }
    image.workdir = inStage('.');
  }
  return image;
}

/** COPY copies a folder's content, and a file into a destination that ends in a slash. */
function copy(from: string, to: string, intoFolder: boolean): void {
  if (!existsSync(from)) throw new Error(`${from} does not exist`);
  const destination = intoFolder && statSync(from).isFile() ? join(to, basename(from)) : to;
  mkdirSync(dirname(destination), { recursive: true });
  cpSync(from, destination, { recursive: true, verbatimSymlinks: true });
}
