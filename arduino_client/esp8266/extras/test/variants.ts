import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Target } from './compile.ts';
import { must, run } from './shell.ts';

const here = import.meta.dir;
export const library = join(here, '../..');
export const build = join(here, 'build');

export type Chip = 'esp8266' | 'esp32';

/** One chip's build of the library on a PC, against the fakes of its core. */
export interface Variant {
  readonly chip: Chip;
  readonly target: Target;
  readonly fakes: readonly string[];
}

export type Bits = 32 | 64;

/**
 * Both chips have 32 bits, so that is what the tests are built with; the other width would repeat every test without
 * testing what runs on a chip. Where the kernel runs no 32-bit programs (some containers and virtual machines), 64 it is.
 */
export async function hostBits(): Promise<Bits> {
  mkdirSync(build, { recursive: true });
  const source = join(build, 'bits.c');
  const program = join(build, 'bits');
  writeFileSync(source, 'int main(void) { return 0; }\n');
  await must(['gcc', '-m32', source, '-o', program]);
  const runs = await run([program]).then(
    ({ code }) => code === 0,
    () => false,
  );
  return runs ? 32 : 64;
}

/** As the cores' own build: the chip's macros, and its headers before those that both share. */
export function chipFlags(chip: Chip): string[] {
  const upper = chip.toUpperCase();
  const folders = [join(here, 'fakes', chip), join(here, 'fakes/common'), join(library, 'src')];
  return [`-D${upper}`, `-DARDUINO_ARCH_${upper}`, ...folders.flatMap((folder) => ['-I', folder])];
}

export function variant(chip: Chip, bits: Bits): Variant {
  // On the ESP32 uint32_t is unsigned long, which can be had with -m32 only.
  const types = chip === 'esp32' && bits === 32 ? ['-I', join(here, 'fakes/esp32/types')] : [];
  const plain = [
    `-m${bits}`,
    '-std=gnu++17',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-g1',
    '-funsigned-char',
    ...types,
    ...chipFlags(chip),
    '-I',
    join(here, 'unit'),
  ];
  const flags = [...plain, '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'];
  // What is not tested itself is compiled in half the time without; tests keep the check of the memory that they are lent.
  const flagsFor = (source: string) => {
    if (isFramework(source)) return plain;
    return dirname(source) === join(here, 'unit') ? [...plain, '-fsanitize=address'] : flags;
  };
  return {
    chip,
    target: { name: `${chip}-${bits}`, compiler: ['g++'], flags, flagsFor },
    fakes: [...sourcesIn(join(here, 'fakes/common')), ...sourcesIn(join(here, 'fakes', chip))],
  };
}

/** The test framework and the JSON library behind a fake. */
function isFramework(source: string): boolean {
  return source === join(here, 'unit/main.cpp') || source === join(here, 'fakes/common/json.cpp');
}

export function sourcesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpp'))
    .sort()
    .map((name) => join(folder, name));
}

/** Every source of the library: a file that belongs to the other chip compiles to nothing. */
export function librarySources(): string[] {
  return [...sourcesIn(join(library, 'src')), ...sourcesIn(join(library, 'src/internal'))];
}
