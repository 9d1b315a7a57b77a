import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { compile, type Target } from './compile.ts';
import { UNPACKED_PACKAGE } from './debian-packages.ts';
import { must } from './shell.ts';

/** What the library may take, without PubSubClient, ArduinoJson and the core, and without TLS where not used. */
const MAX_CODE_BYTES = 26 * 1024;
const MAX_DATA_BYTES = 1200;

export interface Sizes {
  readonly code: number;
  readonly data: number;
  readonly table: string;
}

/** Compiles the library for the ESP8266's processor and adds up what it takes. */
export async function compileForChip(
  build: string,
  fakes: string,
  library: string,
  sources: readonly string[],
): Promise<Sizes> {
  const headers = await cxxHeaders(build);
  const target: Target = {
    name: 'lx106',
    compiler: ['xtensa-lx106-elf-g++'],
    flags: [
      '-Os',
      '-std=gnu++17',
      '-fno-exceptions',
      '-fno-rtti',
      '-mlongcalls',
      '-mtext-section-literals',
      '-ffunction-sections',
      '-fdata-sections',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-nostdinc++',
      '-isystem',
      headers,
      '-isystem',
      join(headers, 'arm-none-eabi'),
      '-I',
      fakes,
      '-I',
      join(library, 'src'),
    ],
  };
  const objects = await compile(target, build, sources);
  const plain = objects.filter((object) => !object.includes('SMServerTls'));
  return sizes(target, build, objects, plain);
}

export function tooLarge({ code, data }: Sizes): string | undefined {
  if (code > MAX_CODE_BYTES) return `${code} bytes of code, at most ${MAX_CODE_BYTES} were aimed at`;
  if (data > MAX_DATA_BYTES) return `${data} bytes of static data, at most ${MAX_DATA_BYTES} were aimed at`;
  return undefined;
}

/**
 * Sizes of each object, and of all that a sketch without TLS links: linked and relaxed as a sketch is, with the calls
 * into the core left open. Constant data counts as code where it can lie in flash (PROGMEM), which the fakes do not
 * tell apart; static data is what lies in RAM.
 */
async function sizes(
  target: Target,
  build: string,
  objects: readonly string[],
  plain: readonly string[],
): Promise<Sizes> {
  const table = await must(['xtensa-lx106-elf-size', ...objects]);
  const linked = join(build, target.name, 'library.elf');
  await must([
    ...target.compiler,
    '-nostdlib',
    '-nostartfiles',
    '-Wl,--relax,--unresolved-symbols=ignore-all,-Ttext=0x40201000,-e,0',
    ...plain,
    '-o',
    linked,
  ]);
  const [text = 0, data = 0, bss = 0] =
    (await must(['xtensa-lx106-elf-size', linked])).split('\n')[1]?.trim().split(/\s+/).map(Number) ?? [];
  const lines = table
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [code, ram, zero, , , file = ''] = line.trim().split(/\s+/);
      return `  ${basename(file, '.cpp.o').padEnd(26)} code ${(code ?? '').padStart(6)}  data ${String(Number(ram) + Number(zero)).padStart(5)}`;
    });
  return { code: text, data: data + bss, table: lines.join('\n') };
}

/** The C++ headers: of the compiler's own version, from the package for another processor. */
async function cxxHeaders(build: string): Promise<string> {
  const unpacked = join(build, 'cxx');
  const include = join(unpacked, 'usr/include/newlib/c++');
  const find = () => {
    const version = existsSync(include) ? readdirSync(include)[0] : undefined;
    return version === undefined ? undefined : join(include, version);
  };
  const known = find();
  if (known !== undefined) return known;
  mkdirSync(unpacked, { recursive: true });
  await must(['apt-get', 'download', UNPACKED_PACKAGE], unpacked);
  const archive = readdirSync(unpacked).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw new Error(`apt-get brought no ${UNPACKED_PACKAGE}`);
  await must(['dpkg-deb', '-x', join(unpacked, archive), unpacked]);
  const found = find();
  if (found === undefined)
    throw new Error(`${UNPACKED_PACKAGE} holds no C++ headers where they were expected`);
  return found;
}
