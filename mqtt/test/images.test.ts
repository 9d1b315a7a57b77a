import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { type Instruction, parseAllowList, parseDockerfile } from './dockerfile.ts';
import { readText, repository } from './repository.ts';

const IMAGES = [
  { dockerfile: 'server/Dockerfile', context: '.' },
  { dockerfile: 'mqtt/Dockerfile', context: 'mqtt' },
];

function only(instructions: Instruction[], keyword: string): Instruction {
  const found = instructions.filter((instruction) => instruction.keyword === keyword);
  expect(found).toHaveLength(1);
  return found[0] as Instruction;
}

describe.each(IMAGES)('$dockerfile', ({ dockerfile, context }) => {
  test('is a valid Dockerfile without warnings', async () => {
    expect(validate(await readText(dockerfile))).toEqual([]);
  });

  test('copies only what exists and what the ignore file lets into the build', async () => {
    const isAllowed = parseAllowList(await readText(join(context, '.dockerignore')));
    const copies = parseDockerfile(await readText(dockerfile)).filter(
      ({ keyword, flags }) => keyword === 'COPY' && flags.from === undefined,
    );
    expect(copies.length).toBeGreaterThan(0);
    for (const source of copies.flatMap(({ words }) => words.slice(0, -1))) {
      expect(existsSync(join(repository, context, source))).toBe(true);
      expect(isAllowed(source)).toBe(true);
    }
  });

  test('lets no secret into the build', async () => {
    const isAllowed = parseAllowList(await readText(join(context, '.dockerignore')));
    for (const path of [
      '.env',
      '.env.local',
      '.data/secrets.json',
      '.git/config',
      'server/.env',
      'certs/tls.key',
    ]) {
      expect(isAllowed(path)).toBe(false);
    }
  });

  test('pins its base images', async () => {
    const bases = parseDockerfile(await readText(dockerfile)).filter(({ keyword }) => keyword === 'FROM');
    for (const { words } of bases) expect(words[0]).toMatch(/:\d+\.\d+\.\d+(-[a-z]+)?$/);
  });

  test('starts in exec form, so that SIGTERM arrives', async () => {
    expect(only(parseDockerfile(await readText(dockerfile)), 'CMD').exec).toBeDefined();
  });

  // COPY keeps the modes of the checkout, and umask 077 is what docs/operations.md writes `.env` with.
  test('can be read by its user, whatever umask the checkout was made with', async () => {
    const stages = stagesOf(parseDockerfile(await readText(dockerfile)));
    const user = stages.at(-1)?.findLast(({ keyword }) => keyword === 'USER')?.text;
    const unreadable = stages.flatMap((stage) =>
      stage.filter(({ keyword, flags, words }, at) => {
        if (keyword !== 'COPY' || flags.from !== undefined || flags.chown === `${user}:${user}`) return false;
        const opened = new RegExp(`chmod (-R a\\+rX \\S+|755 ${words.at(-1)})$`);
        return !stage.slice(at).some(({ text }) => opened.test(text));
      }),
    );
    expect(unreadable.map(({ text }) => text)).toEqual([]);
  });

  // The rules of hadolint that could be broken here, by their numbers.
  test('follows the rules of a linter', async () => {
    const instructions = parseDockerfile(await readText(dockerfile));
    const texts = (keyword: string) => instructions.filter((each) => each.keyword === keyword);
    expect(texts('ADD')).toEqual([]); // DL3020
    expect(texts('MAINTAINER')).toEqual([]); // DL4000
    for (const { text } of texts('WORKDIR')) expect(text).toStartWith('/'); // DL3000
    for (const { text } of texts('RUN')) {
      expect(text).not.toMatch(/\bsudo\b|\bapt-get (dist-)?upgrade\b|(^|&&\s*)cd\s/); // DL3004, DL3005, DL3003
      if (/apt-get install/.test(text)) {
        expect(text).toContain('--no-install-recommends'); // DL3015
        expect(text).toContain('rm -rf /var/lib/apt/lists'); // DL3009
        expect(text).toMatch(/install .*-y/); // DL3014
      }
      if (/[^|]\|[^|]/.test(text)) expect(text).toContain('pipefail'); // DL4006
    }
    for (const { words } of texts('EXPOSE')) {
      for (const port of words) expect(Number(port)).toBeWithin(1, 65_536); // DL3011
    }
    for (const { words, flags } of texts('COPY')) {
      if (words.length > 2) expect(words.at(-1)).toEndWith('/'); // DL3021
      if (flags.from !== undefined) {
        expect(texts('FROM').map(({ words: from }) => from[2])).toContain(flags.from); // DL3022
      }
    }
    const last = (keyword: string) => texts(keyword).length <= 1;
    expect(['ENTRYPOINT', 'HEALTHCHECK'].every(last)).toBe(true); // DL4004, DL3012
  });
});

function stagesOf(instructions: Instruction[]): Instruction[][] {
  const stages: Instruction[][] = [];
  for (const instruction of instructions) {
    if (instruction.keyword === 'FROM') stages.push([]);
    stages.at(-1)?.push(instruction);
  }
  return stages;
}

describe('the broker image', () => {
  test('is EMQX 5.8.9 and starts it through our entrypoint', async () => {
    const instructions = parseDockerfile(await readText('mqtt/Dockerfile'));
    expect(only(instructions, 'FROM').text).toBe('emqx/emqx:5.8.9');
    const [shell, script] = only(instructions, 'ENTRYPOINT').exec ?? [];
    expect(shell).toBe('/bin/sh');
    expect(instructions.find(({ words }) => words[0] === 'docker-entrypoint.sh')?.words[1]).toBe(
      script as string,
    );
    // The base image's command: an ENTRYPOINT of one's own resets it.
    expect(only(instructions, 'CMD').exec).toEqual(['/opt/emqx/bin/emqx', 'foreground']);
  });

  test('puts the configuration where it has the lowest precedence, owned by EMQX', async () => {
    const copies = parseDockerfile(await readText('mqtt/Dockerfile')).filter(
      ({ words }) => words[0] === 'base.hocon',
    );
    expect(copies).toMatchObject([
      { words: ['base.hocon', '/opt/emqx/etc/base.hocon'], flags: { chown: 'emqx:emqx' } },
    ]);
  });

  test('runs as the base image does: not as root', async () => {
    const instructions = parseDockerfile(await readText('mqtt/Dockerfile'));
    expect(instructions.findLast(({ keyword }) => keyword === 'USER')?.text).toBe('emqx');
  });
});

describe('the server image', () => {
  test('runs the Bun that the lockfile pins', async () => {
    const { version }: { version: string } = await Bun.file(
      join(repository, 'node_modules/bun/package.json'),
    ).json();
    const bases = parseDockerfile(await readText('server/Dockerfile')).filter(
      ({ keyword }) => keyword === 'FROM',
    );
    expect(new Set(bases.map(({ words }) => words[0]))).toEqual(new Set([`oven/bun:${version}-slim`]));
  });

  test('does not run as root', async () => {
    const instructions = parseDockerfile(await readText('server/Dockerfile'));
    expect(only(instructions, 'USER').text).toBe('bun');
    expect(instructions.findIndex(({ keyword }) => keyword === 'USER')).toBeGreaterThan(
      instructions.findLastIndex(({ keyword }) => keyword === 'COPY' || keyword === 'RUN'),
    );
  });

  test('holds every module that the server imports, and nothing of tests and development', async () => {
    const isCopied = await copiedInto('server/Dockerfile');
    const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
      await readText('server/package.json'),
    );
    const { modules, packages } = await importsOf('server/src/main.ts');
    expect(modules.size).toBeGreaterThan(50);
    expect([...modules].filter((path) => !isCopied(path))).toEqual([]);
    expect([...packages].filter((name) => dependencies[name] === undefined)).toEqual([]);
    expect(
      ['mqtt/dev-broker/src/index.ts', 'server/test/x.ts', 'server/dev/x.ts', '.env'].some(isCopied),
    ).toBe(false);
    // The migrations are read, not imported.
    expect(isCopied('server/drizzle/meta/_journal.json')).toBe(true);
  });
});

/** Which paths of the repository a Dockerfile copies from the build context. */
async function copiedInto(dockerfile: string): Promise<(path: string) => boolean> {
  const sources = parseDockerfile(await readText(dockerfile))
    .filter(({ keyword, flags }) => keyword === 'COPY' && flags.from === undefined)
    .flatMap(({ words }) => words.slice(0, -1));
  return (path) => sources.some((source) => path === source || path.startsWith(`${source}/`));
}

/** The files and packages that a module needs at run time, type imports left out. */
async function importsOf(entry: string) {
  const transpiler = new Bun.Transpiler({ loader: 'ts' });
  const modules = new Set<string>();
  const packages = new Set<string>();
  const pending = [entry];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (modules.has(path)) continue;
    modules.add(path);
    if (!path.endsWith('.ts')) continue;
    for (const { path: name } of transpiler.scanImports(await readText(path))) {
      if (name.startsWith('.')) pending.push(join(dirname(path), name));
      else if (!isBuiltin(name)) packages.add(/^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
    }
  }
  return { modules, packages };
}
