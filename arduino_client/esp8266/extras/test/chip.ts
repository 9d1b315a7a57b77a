import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { compile, type Target } from './compile.ts';
import { UNPACKED_PACKAGE } from './debian-packages.ts';
import { must } from './shell.ts';

/** Aims for the library itself, without PubSubClient, ArduinoJson and the core. */
const MAX_CODE_BYTES = 14 * 1024;
const MAX_DATA_BYTES = 1200;

export interface Sizes {
  readonly code: number;
  readonly data: number;
  readonly table: string;
}

/** Compiles the library for the ESP8266's processor and adds up what it takes. */
export async function compileForChip(build: string, fakes: string, sources: readonly string[]): Promise<Sizes> {
  const headers = await cxxHeaders(build);
  const shim = cxxShim(build);
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
      shim,
      '-isystem',
      headers,
      '-isystem',
      join(headers, 'arm-none-eabi'),
      '-I',
      fakes,
    ],
  };
  const objects = await compile(target, build, sources);
  return sizes(objects);
}

export function tooLarge({ code, data }: Sizes): string | undefined {
  if (code > MAX_CODE_BYTES) return `${code} bytes of code, at most ${MAX_CODE_BYTES} were aimed at`;
  if (data > MAX_DATA_BYTES) return `${data} bytes of static data, at most ${MAX_DATA_BYTES} were aimed at`;
  return undefined;
}

/**
 * Adds up sections, for one file and for all. Templates of the standard library that the files share are one copy
 * in a program (their sections are groups), so each is counted once by its name.
 */
async function sizes(objects: readonly string[]): Promise<Sizes> {
  const seen = new Set<string>();
  let code = 0;
  let data = 0;
  const lines: string[] = [];
  for (const object of objects) {
    const listing = await must(['xtensa-lx106-elf-objdump', '-h', '-w', object]);
    let ownCode = 0;
    let ownData = 0;
    for (const line of listing.split('\n')) {
      const [, name, size] = line.match(/^\s*\d+\s+(\S+)\s+([0-9a-f]{8})/) ?? [];
      if (name === undefined || size === undefined || !line.includes('ALLOC')) continue;
      // A section of its own per function: a name that comes twice is a shared copy.
      if (/^\.(text|literal|rodata|bss|data)\._Z/.test(name)) {
        const local = name.includes('_GLOBAL__N_');
        if (!local && seen.has(name)) continue;
        if (!local) seen.add(name);
      }
      const bytes = Number.parseInt(size, 16);
      if (/^\.(text|literal)/.test(name)) ownCode += bytes;
      else ownData += bytes;
    }
    code += ownCode;
    data += ownData;
    lines.push(`  ${basename(object, '.cpp.o').padEnd(20)} code ${String(ownCode).padStart(6)}  data ${String(ownData).padStart(5)}`);
  }
  lines.push(`  ${'all'.padEnd(20)} code ${String(code).padStart(6)}  data ${String(data).padStart(5)}`);
  return { code, data, table: lines.join('\n') };
}

/** The C++ headers: of the compiler's own version, from the package for another processor. */
async function cxxHeaders(build: string): Promise<string> {
  const unpacked = join(build, 'cxx');
  const include = join(unpacked, 'usr/include/newlib/c++');
  const find = () => {
    const root = [include, join(unpacked, 'usr/lib/arm-none-eabi/include/c++')].find((path) => existsSync(path));
    const version = root ? readdirSync(root).find((name) => /^\d/.test(name)) : undefined;
    return root && version ? join(root, version) : undefined;
  };
  const known = find();
  if (known) return known;
  mkdirSync(unpacked, { recursive: true });
  await must(['apt-get', 'download', UNPACKED_PACKAGE], unpacked);
  const archive = readdirSync(unpacked).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw new Error(`apt-get brought no ${UNPACKED_PACKAGE}`);
  await must(['dpkg-deb', '-x', join(unpacked, archive), unpacked]);
  const found = find();
  if (found === undefined) throw new Error(`${UNPACKED_PACKAGE} holds no C++ headers where they were expected`);
  return found;
}

/** Room for headers that must differ from the package's. */
function cxxShim(build: string): string {
  const folder = join(build, 'cxx-shim');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'README'), 'Headers that stand before those of the unpacked package.\n');
  return folder;
}
