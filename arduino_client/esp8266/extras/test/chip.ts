import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { compile, link, type Target } from './compile.ts';
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

const SKETCHES: readonly Sketch[] = [
  { example: 'Basic', about: 'without commands', maxFlashBytes: 14 * 1024, maxRamBytes: 1800 },
  { example: 'Commands', about: 'with commands', maxFlashBytes: 17 * 1024, maxRamBytes: 1800 },
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
 * Links a sketch as the core's recipe does, garbage collected and relaxed, with the calls into the core and into other
 * libraries left open. Constants (.rodata) lie in RAM on this chip, and are loaded from flash like initial values.
 */
async function linkedSize(target: Target, example: string, objects: readonly string[]): Promise<Size> {
  const source = join(build, `${example}.lx106.cpp`);
  const sketch = await Bun.file(join(library, 'examples', example, `${example}.ino`)).text();
  await Bun.write(source, `#include <Arduino.h>\nvoid setup();\nvoid loop();\n${sketch}`);
  const linker: Target = {
    ...target,
    flags: [
      ...target.flags,
      '-nostdlib',
      '-nostartfiles',
      '-Wl,--relax,--gc-sections,--unresolved-symbols=ignore-all,-Ttext=0x40201000,-e,_Z4loopv,-u,_Z5setupv',
    ],
  };
  const program = await link(linker, build, `${example}.elf`, [
    ...(await compile(target, build, [source])),
    ...objects,
  ]);
  let flash = 0;
  let ram = 0;
  for (const line of (await must(['xtensa-lx106-elf-size', '-A', program])).split('\n')) {
    const [section = '', bytes = ''] = line.trim().split(/\s+/);
    if (/^\.bss/.test(section)) ram += Number(bytes);
    if (/^\.(text|literal|irom)/.test(section)) flash += Number(bytes);
    if (/^\.(rodata|data|init_array|ctors)/.test(section)) {
      flash += Number(bytes);
      ram += Number(bytes);
    }
  }
  return { flash, ram };
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
