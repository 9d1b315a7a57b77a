/**
 * All tests of the ESP8266 library, on a PC: `bun arduino_client/esp8266/extras/test/run.ts`. What must be installed is
 * in `debian-packages.ts`. The last line is `N passed, N failed[, N skipped]`.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { compileForChip, tooLarge } from './chip.ts';
import { compile, link, type Target } from './compile.ts';
import { DEBIAN_PACKAGES } from './debian-packages.ts';
import { checkExamples, checkKeywords, checkLibraryProperties } from './packaging.ts';
import { Report } from './report.ts';
import { must, run } from './shell.ts';

const here = import.meta.dir;
const library = join(here, '../..');
const repository = join(library, '../..');
const build = join(here, 'build');
const fakes = join(here, 'fakes');
const report = new Report();

const HOST_FLAGS = [
  '-std=gnu++17',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-g1',
  '-funsigned-char',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=undefined',
  '-I',
  fakes,
  '-I',
  join(here, 'unit'),
  '-I',
  join(library, 'src'),
];

function hostTarget(bits: 32 | 64): Target {
  return { name: `host${bits}`, compiler: ['g++', `-m${bits}`], flags: HOST_FLAGS };
}

function sourcesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpp'))
    .sort()
    .map((name) => join(folder, name));
}

function librarySources(): string[] {
  return [...sourcesIn(join(library, 'src')), ...sourcesIn(join(library, 'src/internal'))];
}

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

/** Builds and runs the unit tests; each of doctest's test cases counts. */
async function unitTests(bits: 32 | 64): Promise<void> {
  const target = hostTarget(bits);
  await report.attempt(`unit tests build without warnings, ${bits} bit`, async () => {
    const objects = await compile(target, build, [
      ...librarySources(),
      ...sourcesIn(fakes),
      ...sourcesIn(join(here, 'unit')),
    ]);
    await link(target, build, 'unit', objects);
    return undefined;
  });
  const program = join(build, target.name, 'unit');
  if (!existsSync(program)) return;
  const { code, output } = await run([program, '--no-version=true'], undefined, {
    ASAN_OPTIONS: 'detect_leaks=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
  const counts = output.match(/test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed/);
  for (const [, message] of output.matchAll(/MESSAGE: (.*)/g)) console.log(`        ${message}`);
  if (counts === null || (code !== 0 && counts[3] === '0')) {
    report.fail(`unit tests, ${bits} bit`, output);
    return;
  }
  report.passed += Number(counts[2]);
  report.failed += Number(counts[3]);
  console.log(
    `${counts[3] === '0' ? 'ok     ' : 'FAILED '} unit tests, ${bits} bit: ${counts[2]} of ${counts[1]} passed`,
  );
  if (counts[3] !== '0') console.log(output);
}

async function chip(): Promise<void> {
  await report.attempt('the library compiles for the chip (lx106)', async () => {
    const measured = await compileForChip(build, fakes, library, librarySources());
    console.log(measured.table);
    const problem = tooLarge(measured);
    if (problem) throw new Error(problem);
    return `${measured.code} bytes of code, ${measured.data} bytes of static data`;
  });
}

async function format(): Promise<void> {
  await report.attempt('clang-format (Google) has nothing to change', async () => {
    const folders = ['src', 'src/internal', 'extras/test/fakes', 'extras/test/unit', 'extras/test/device'];
    const files = folders
      .map((folder) => join(library, folder))
      .filter((folder) => existsSync(folder))
      .flatMap((folder) =>
        readdirSync(folder)
          .filter((name) => /\.(cpp|h)$/.test(name))
          .map((name) => join(folder, name)),
      );
    const examples = join(library, 'examples');
    files.push(...readdirSync(examples).map((name) => join(examples, name, `${name}.ino`)));
    await must(['clang-format', '--dry-run', '--Werror', ...files]);
    return `${files.length} files`;
  });
}

async function checkLogging(): Promise<string> {
  const source = join(library, 'src/internal/connection.cpp');
  for (const level of [0, 1, 2, 3]) {
    const command = ['g++', ...HOST_FLAGS, `-DSMSERVER_LOG_LEVEL=${level}`, '-Os', '-S', '-o', '-', source];
    const assembly = await must(command);
    if (assembly.includes('[sm]') !== level > 0) throw new Error(`level ${level} is not as it should be`);
  }
  return '4 levels';
}

async function endToEnd(): Promise<void> {
  const harness = join(repository, 'server/test/harness.ts');
  if (!existsSync(harness)) {
    report.skip('end to end', `${relative(repository, harness)} is not there`);
    return;
  }
  const built = await report.attempt('the simulated device builds', async () => {
    const target = hostTarget(64);
    const objects = await compile(target, build, [
      ...librarySources(),
      ...sourcesIn(fakes),
      ...sourcesIn(join(here, 'device')),
    ]);
    await link(target, build, 'device', objects);
    return undefined;
  });
  if (!built) return;
  const { runEndToEnd } = await import('./e2e/run.ts');
  await runEndToEnd(report, join(build, 'host64', 'device'), build);
}

mkdirSync(build, { recursive: true });
if (await prepared()) {
  await format();
  await unitTests(64);
  await unitTests(32);
  await chip();
  await report.attempt('logging compiles at every level, and to nothing by default', checkLogging);
  await report.attempt('the examples and the README hold together', () =>
    checkExamples(library, build, HOST_FLAGS),
  );
  await endToEnd();
}
await report.attempt('keywords.txt names the public interface, with tabs', () => checkKeywords(library));
await report.attempt('library.properties is complete', () => checkLibraryProperties(library));
console.log(report.summary());
process.exit(report.failed === 0 ? 0 : 1);
