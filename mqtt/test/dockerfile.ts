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
