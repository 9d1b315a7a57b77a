import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { compile, type Target } from './compile.ts';
import { UNPACKED_PACKAGE } from './debian-packages.ts';
import { must } from './shell.ts';
import { build, chipFlags, library, librarySources } from './variants.ts';

/** An example as the linker leaves it on an ESP8266, without the core, PubSubClient, ArduinoJson and BearSSL. */
interface Sketch {
  readonly example: string;
  readonly about: string;
  readonly maxFlashBytes: number;
  readonly maxRamBytes: number;
}

/** Ceilings a little above what was measured: growth has to be meant. */
const SKETCHES: readonly Sketch[] = [
  { example: 'Basic', about: 'without commands', maxFlashBytes: 32_600, maxRamBytes: 2_250 },
  { example: 'Commands', about: 'with commands', maxFlashBytes: 34_400, maxRamBytes: 2_300 },
];

interface Size {
  readonly flash: number;
  readonly ram: number;
}

/** Compiles the library for the ESP8266's processor, links the sketches and compares each with its ceiling. */
export async function checkChipSizes(): Promise<string> {
  const target = await lx106();
  const objects = await compile(target, build, librarySources());
  console.log(await table(objects));
  const lines: string[] = [];
  const problems: string[] = [];
  for (const sketch of SKETCHES) {
    const { flash, ram } = await linkedSize(target, sketch.example, objects);
    lines.push(`${sketch.about} ${flash} bytes of flash, ${ram} of RAM`);
    if (flash > sketch.maxFlashBytes)
      problems.push(
        `${sketch.example}, ${sketch.about}: ${flash} bytes of flash, the ceiling is ${sketch.maxFlashBytes}`,
      );
    if (ram > sketch.maxRamBytes)
      problems.push(
        `${sketch.example}, ${sketch.about}: ${ram} bytes of RAM, the ceiling is ${sketch.maxRamBytes}`,
      );
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return lines.join('; ');
}

async function lx106(): Promise<Target> {
  const headers = await cxxHeaders();
  return {
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
      // A common table of properties would keep every function alive that it describes.
      '-Wa,--separate-prop-tables',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-nostdinc++',
      '-isystem',
      headers,
      '-isystem',
      join(headers, 'arm-none-eabi'),
      ...chipFlags('esp8266'),
    ],
  };
}

/** Each object of the library, whether a sketch links it or not. */
async function table(objects: readonly string[]): Promise<string> {
  const lines = (await must(['xtensa-lx106-elf-size', ...objects])).trim().split('\n').slice(1);
  return lines
    .map((line) => {
      const [code, ram, zero, , , file = ''] = line.trim().split(/\s+/);
      return `  ${basename(file, '.cpp.o').padEnd(28)} code ${(code ?? '').padStart(6)}  data ${String(Number(ram) + Number(zero)).padStart(5)}`;
    })
    .join('\n');
}

/**
 * As the core's own linker script sorts code and constants: unlike the linker's default, it keeps no function for the
 * sake of its entry in a table; but constructors of globals, which the core runs. Constants without PROGMEM lie in RAM
 * on this chip, and are loaded from flash.
 */
const LINKER_SCRIPT = `
SECTIONS {
  . = 0x40201000;
  .flash : { *(.literal .literal.* .text .text.* .irom.text.*) }
  . = 0x3ffe8000;
  .initialized : { *(.rodata .rodata.* .data .data.*) KEEP(*(.ctors .ctors.* .init_array .init_array.*)) }
  .zeroed : { *(.bss .bss.* COMMON) }
}
`;

/** Links a sketch, with the calls into the core and into other libraries left open. */
async function linkedSize(target: Target, example: string, objects: readonly string[]): Promise<Size> {
  const source = join(build, `${example}.lx106.cpp`);
  const script = join(build, 'lx106.ld');
  await Bun.write(script, LINKER_SCRIPT);
  const sketch = await Bun.file(join(library, 'examples', example, `${example}.ino`)).text();
  await Bun.write(source, `#include <Arduino.h>\n${sketch}`);
  const program = join(build, target.name, `${example}.elf`);
  await must([
    ...target.compiler,
    '-nostdlib',
    '-nostartfiles',
    '-T',
    script,
    '-Wl,--gc-sections,--unresolved-symbols=ignore-all,--entry=_Z4loopv,--undefined=_Z5setupv',
    ...(await compile(target, build, [source])),
    ...objects,
    '-o',
    program,
  ]);
  const sections = await must(['xtensa-lx106-elf-size', '-A', program]);
  const bytes = (name: string) => Number(sections.match(new RegExp(`^\\.${name} +(\\d+)`, 'm'))?.[1] ?? 0);
  return { flash: bytes('flash') + bytes('initialized'), ram: bytes('initialized') + bytes('zeroed') };
}

/** The C++ headers: of the compiler's own version, from the package for another processor. */
async function cxxHeaders(): Promise<string> {
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
