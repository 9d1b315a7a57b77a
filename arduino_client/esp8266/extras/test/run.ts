/**
 * All tests of the library, on a PC, as built for either chip: `bun arduino_client/esp8266/extras/test/run.ts`. What must be installed is
 * in `debian-packages.ts`. The last line is `N passed, N failed[, N skipped]`.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { checkChipSizes } from './chip.ts';
import { compile, link } from './compile.ts';
import { DEBIAN_PACKAGES } from './debian-packages.ts';
import { checkArchive, checkErrorTable, checkExamples, checkKeywords, checkMetadata } from './packaging.ts';
import { Report } from './report.ts';
import { must, run } from './shell.ts';
import {
  build,
  type Chip,
  hostBits,
  library,
  librarySources,
  sourcesIn,
  type Variant,
  variant,
} from './variants.ts';

const here = import.meta.dir;
const repository = join(library, '../..');
const report = new Report();

/** Whether everything is installed; says what is not. */
async function prepared(): Promise<boolean> {
  const missing: string[] = [];
  for (const name of DEBIAN_PACKAGES) {
    const { code, output } = await run(['dpkg-query', '-W', '-f', '${Status}', name]).catch(() => ({
      code: 1,
      output: '',
    }));
    if (code !== 0 || !output.includes('install ok installed')) missing.push(name);
  }
  if (missing.length === 0) return true;
  const how = `apt-get install -y ${missing.join(' ')}`;
  if (process.env.CI === 'true') report.fail('Debian packages', `missing; install with: ${how}`);
  else report.skip('firmware tests', `Debian packages are missing; install with: ${how}`);
  return false;
}

/** Builds the unit tests of a variant; `undefined` when they do not compile. */
async function buildUnitTests({ chip, target, fakes }: Variant): Promise<string | undefined> {
  let program: string | undefined;
  await report.attempt(`unit tests build without warnings, ${chip}`, async () => {
    const objects = await compile(target, build, [
      ...librarySources(),
      ...fakes,
      ...sourcesIn(join(here, 'unit')),
    ]);
    program = await link(target, build, 'unit', objects);
    return undefined;
  });
  return program;
}

/** Runs the unit tests of a chip; each of doctest's test cases counts. */
async function runUnitTests(chip: Chip, program: string): Promise<void> {
  const { code, output } = await run([program, '--no-version=true'], undefined, {
    ASAN_OPTIONS: 'detect_leaks=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
  const counts = output.match(/test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed/);
  for (const [, message] of output.matchAll(/MESSAGE: (.*)/g)) console.log(`        ${message}`);
  if (counts === null || (code !== 0 && counts[3] === '0')) {
    report.fail(`unit tests, ${chip}`, output);
    return;
  }
  report.passed += Number(counts[2]);
  report.failed += Number(counts[3]);
  console.log(
    `${counts[3] === '0' ? 'ok     ' : 'FAILED '} unit tests, ${chip}: ${counts[2]} of ${counts[1]} passed`,
  );
  if (counts[3] !== '0') console.log(output);
}

async function format(): Promise<void> {
  await report.attempt('clang-format (Google) has nothing to change', async () => {
    const files = [
      'src',
      'examples',
      'extras/size',
      'extras/test/fakes',
      'extras/test/unit',
      'extras/test/device',
    ]
      .flatMap((folder) => filesUnder(join(library, folder)))
      .filter((file) => /\.(cpp|h|ino)$/.test(file));
    await must(['clang-format', '--dry-run', '--Werror', ...files]);
    return `${files.length} files`;
  });
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());
}

async function checkLogging({ target }: Variant): Promise<string> {
  const source = join(library, 'src/internal/connection.cpp');
  for (const level of [0, 1, 2, 3]) {
    const command = [
      ...target.compiler,
      ...target.flags,
      `-DSMSERVER_LOG_LEVEL=${level}`,
      '-Os',
      '-S',
      '-o',
      '-',
      source,
    ];
    const assembly = await must(command);
    if (assembly.includes('[sm]') !== level > 0) throw new Error(`level ${level} is wrong`);
  }
  return '4 levels';
}

async function endToEnd(variants: readonly Variant[]): Promise<void> {
  const harness = join(repository, 'server/test/harness.ts');
  if (!existsSync(harness)) {
    report.skip('end to end', `${relative(repository, harness)} is not there`);
    return;
  }
  const programs = new Map<Chip, string>();
  for (const { chip, target, fakes } of variants) {
    const built = await report.attempt(`the simulated device builds, ${chip}`, async () => {
      const objects = await compile(target, build, [
        ...librarySources(),
        ...fakes,
        ...sourcesIn(join(here, 'device')),
      ]);
      programs.set(chip, await link(target, build, 'device', objects));
      return undefined;
    });
    if (!built) return;
  }
  const { runEndToEnd } = await import('./e2e/run.ts');
  await runEndToEnd(report, programs, build);
}

/** Where the variants are built with 64 bits, the ESP32's integer types are checked by compiling alone. */
async function checkIntegerTypes(): Promise<string> {
  const { target } = variant('esp32', 32);
  const sources = [...librarySources(), ...sourcesIn(join(here, 'device'))];
  for (const source of sources) await must([...target.compiler, ...target.flags, '-fsyntax-only', source]);
  return `${sources.length} files`;
}

/** Releases are packed with git. */
async function isGitCheckout(): Promise<boolean> {
  const found = await run(['git', '-c', 'safe.directory=*', 'rev-parse', '--git-dir'], library).catch(
    () => undefined,
  );
  return found?.code === 0;
}

if (await prepared()) {
  const bits = await hostBits();
  const variants: readonly [Variant, Variant] = [variant('esp8266', bits), variant('esp32', bits)];
  await format();
  await report.attempt('the library compiles for the ESP8266 and stays under its ceilings', checkChipSizes);
  // The tests of one chip run while those of the other are compiled.
  const unitTests: Promise<void>[] = [];
  for (const each of variants) {
    const program = await buildUnitTests(each);
    if (program !== undefined) unitTests.push(runUnitTests(each.chip, program));
  }
  await Promise.all(unitTests);
  if (bits === 64) await report.attempt('it compiles with the integer types of the ESP32', checkIntegerTypes);
  await report.attempt('logging compiles at every level, and to nothing by default', () =>
    checkLogging(variants[0]),
  );
  await report.attempt('the examples and the README compile on both chips', () => checkExamples(variants));
  if (await isGitCheckout())
    await report.attempt('the release archive is an installable library', () => checkArchive(variants));
  else report.skip('the release archive', 'this is no git checkout');
  await endToEnd(variants);
}
await report.attempt('keywords.txt names the public interface, with tabs', checkKeywords);
await report.attempt('library.properties and library.json agree', checkMetadata);
await report.attempt('the README explains every error', checkErrorTable);
console.log(report.summary());
process.exit(report.failed === 0 ? 0 : 1);
