import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packLibrary } from '../package.ts';
import type { Target } from './compile.ts';
import { run } from './shell.ts';
import { build, library, type Variant } from './variants.ts';

const read = (name: string) => readFileSync(join(library, name), 'utf8');

/** The headers that a sketch may include. */
const HEADERS = readdirSync(join(library, 'src')).filter((name) => name.endsWith('.h'));

/** Each line is a name, a tab and its class; each name exists in the headers, each public type and method is listed. */
export async function checkKeywords(): Promise<string> {
  const headers = HEADERS.map((name) => read(`src/${name}`)).join('\n');
  const listed = new Set<string>();
  for (const line of read('keywords.txt').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [name, kind, ...rest] = line.split('\t');
    if (!name || !/^(KEYWORD1|KEYWORD2|LITERAL1)$/.test(kind ?? '') || rest.length > 0) {
      throw new Error(`not "name<TAB>class": ${JSON.stringify(line)}`);
    }
    if (listed.has(name)) throw new Error(`${name} is there twice`);
    if (!new RegExp(`\\b${name}\\b`).test(headers)) throw new Error(`${name} is in no public header`);
    listed.add(name);
  }
  const missing = [...publicTypes(headers), ...publicMethods('KV'), ...publicMethods('SMServer')].filter(
    (name) => !listed.has(name),
  );
  if (missing.length > 0) throw new Error(`not listed: ${missing.join(', ')}`);
  return `${listed.size} names`;
}

function publicTypes(headers: string): string[] {
  const declared = headers.matchAll(/^(?:class|struct|enum(?: class)?) (KV\w*|SM\w+)\b[^;]*$/gm);
  return [...new Set([...declared].map((match) => match[1] ?? ''))];
}

function publicMethods(type: string): string[] {
  const text = read(`src/${type}.h`).replace(/\/\/.*/g, '');
  const body = text.slice(text.indexOf(`class ${type} {`)).split('private:')[0] ?? '';
  const names = [...body.matchAll(/^ {2}[A-Za-z][\w:<>&* ]*[ &*](\w+)\(/gm)].map((match) => match[1] ?? '');
  return [...new Set(names)].filter((name) => name !== type && name !== 'operator');
}

/** What the Arduino tools, PlatformIO and the library itself say of it. */
export async function checkMetadata(): Promise<string> {
  const properties = readProperties();
  for (const key of [
    'name',
    'version',
    'author',
    'maintainer',
    'sentence',
    'paragraph',
    'category',
    'url',
    'architectures',
    'includes',
    'depends',
  ]) {
    if (!properties.get(key)) throw new Error(`library.properties: ${key} is missing`);
  }
  const version = properties.get('version') ?? '';
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error('version is not x.y.z');
  expectEqual('architectures', properties.get('architectures'), 'esp8266,esp32');

  const manifest = JSON.parse(read('library.json'));
  expectEqual('library.json: name', manifest.name, properties.get('name'));
  expectEqual('library.json: version', manifest.version, version);
  expectEqual('library.json: platforms', manifest.platforms.join(), 'espressif8266,espressif32');
  const depends = manifest.dependencies.map(
    ({ name, version }: { name: string; version: string }) => `${name} ${version.replace('^', '')}`,
  );
  // "PubSubClient (>=2.8.0)" and "^2.8" mean the same lower bound.
  const wanted = properties.get('depends')?.match(/[\w-]+ \(>=[\d.]+\)/g) ?? [];
  expectEqual(
    'dependencies',
    depends.map((text: string) => text.replace(/ (\d+\.\d+)$/, ' $1.0')).join(),
    wanted.map((text) => text.replace(/[()>=]/g, '')).join(),
  );
  for (const header of manifest.headers) {
    if (!existsSync(join(library, 'src', header))) throw new Error(`library.json: ${header} is not in src/`);
  }
  if (!read('CHANGELOG.md').includes(`## ${version}`)) {
    throw new Error('CHANGELOG.md has no entry for the version');
  }
  expectEqual('LICENSE', read('LICENSE'), readFileSync(join(library, '../../LICENSE'), 'utf8'));
  return `version ${version}`;
}

function readProperties(): Map<string, string> {
  const lines = read('library.properties').trim().split('\n');
  return new Map(lines.map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]));
}

/**
 * What a release offers can be installed: one folder in the archive with everything the Arduino tools want, nothing of
 * the tests, and its examples compile with the sources of the archive alone.
 */
export async function checkArchive([esp8266]: readonly [Variant, Variant]): Promise<string> {
  const { archive, mirror } = await packLibrary(join(build, 'package'));
  const files = zipEntries(readFileSync(archive));
  const strays = files.filter((name) => !name.startsWith('SimpleIoTServer/'));
  if (strays.length > 0) throw new Error(`beside the folder: ${strays.join(', ')}`);
  for (const name of [
    'library.properties',
    'library.json',
    'keywords.txt',
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
  ]) {
    if (!files.includes(`SimpleIoTServer/${name}`)) throw new Error(`${name} is missing`);
    if (!statSync(join(mirror, name)).isFile()) throw new Error(`${name} is not in the mirror`);
  }
  const unwanted = files.filter((name) => /extras|platformio\.ini|build\//.test(name));
  if (unwanted.length > 0) throw new Error(`not for users: ${unwanted.join(', ')}`);
  const flags = esp8266.target.flags.map((flag) =>
    flag === join(library, 'src') ? join(mirror, 'src') : flag,
  );
  await compileSketch('archive', exampleText(mirror, 'Basic'), { ...esp8266.target, flags });
  rmSync(mirror, { recursive: true });
  return `${files.length} entries, ${statSync(archive).size} bytes`;
}

/** The names in a ZIP file's central directory (PKWARE APPNOTE 4.3.12, 4.3.16). */
function zipEntries(zip: Buffer): string[] {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06'));
  const names: string[] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const length = zip.readUInt16LE(at + 28);
    names.push(zip.toString('utf8', at + 46, at + 46 + length));
    at += 46 + length + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return names;
}

/** Examples and the README's sketch compile for both chips; the sketch has five constants to change. */
export async function checkExamples(variants: readonly Variant[]): Promise<string> {
  const names = readdirSync(join(library, 'examples'));
  const sketches = new Map(names.map((name) => [name, exampleText(library, name)]));
  const quickStart = read('README.md').match(/```cpp\n([\s\S]*?)```/)?.[1];
  if (quickStart === undefined) throw new Error('the README holds no sketch');
  expectEqual('constants of the quick start', quickStart.match(/^constexpr char .*$/gm)?.length, 5);
  // The comment on top of the example is what the README says around it.
  expectEqual('the quick start', quickStart, sketches.get('Basic')?.replace(/^(\/\/.*\n)+/, ''));
  for (const { chip, target } of variants) {
    for (const [name, text] of sketches) await compileSketch(`${name}, ${chip}`, text, target);
  }
  return `${sketches.size} sketches`;
}

function exampleText(root: string, name: string): string {
  return readFileSync(join(root, 'examples', name, `${name}.ino`), 'utf8');
}

/** As the Arduino builder: Arduino.h first. */
async function compileSketch(name: string, text: string, { compiler, flags }: Target): Promise<void> {
  const source = join(build, 'sketch.cpp');
  await Bun.write(source, `#include <Arduino.h>\n${text}`);
  const { code, output } = await run([...compiler, ...flags, '-fsyntax-only', source]);
  if (code !== 0) throw new Error(`${name}:\n${output}`);
}

/** Each error has a row in the README, and none has two. */
export async function checkErrorTable(): Promise<string> {
  const body = read('src/SMServerTypes.h').match(/enum class SMError[^{]*\{([\s\S]*?)\n\};/)?.[1] ?? '';
  const errors = [...body.replace(/\/\/.*/g, '').matchAll(/\w+/g)].map(([name]) => name);
  const rows = [...read('README.md').matchAll(/^\| `(\w+)`.*\|$/gm)].map((match) => match[1] ?? '');
  const wanted = errors.filter((name) => name !== 'None');
  const missing = wanted.filter((name) => rows.filter((row) => row === name).length !== 1);
  if (wanted.length < 20 || missing.length > 0)
    throw new Error(`not once in the README: ${missing.join(', ')}`);
  return `${wanted.length} errors`;
}

function expectEqual(what: string, actual: unknown, wanted: unknown): void {
  if (actual !== wanted) {
    throw new Error(`${what}: ${JSON.stringify(actual)}, expected ${JSON.stringify(wanted)}`);
  }
}
