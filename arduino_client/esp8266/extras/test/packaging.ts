import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './shell.ts';

const HEADERS = ['KV.h', 'SMResult.h', 'SMServer.h', 'SMServerTls.h', 'SMServerTypes.h'];
const TYPES = [
  'KV',
  'KVError',
  'KVContents',
  'SMServer',
  'SMServerOptions',
  'SMServerTls',
  'SMState',
  'SMError',
  'SMErrorInfo',
  'SMCounters',
  'SMMessage',
  'SMQueuedMessage',
  'SMResult',
];

/** Each line is a name, a tab and its class; each name exists in the headers, each public method of KV and SMServer is listed. */
export async function checkKeywords(library: string): Promise<string> {
  const headers = HEADERS.map((name) => readFileSync(join(library, 'src', name), 'utf8')).join('\n');
  const listed = new Set<string>();
  for (const line of readFileSync(join(library, 'keywords.txt'), 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [name, kind, ...rest] = line.split('\t');
    if (!name || !/^(KEYWORD1|KEYWORD2|LITERAL1)$/.test(kind ?? '') || rest.length > 0) {
      throw new Error(`not "name<TAB>class": ${JSON.stringify(line)}`);
    }
    if (listed.has(name)) throw new Error(`${name} is there twice`);
    if (!new RegExp(`\\b${name}\\b`).test(headers)) throw new Error(`${name} is in no public header`);
    listed.add(name);
  }
  const wanted = [
    ...TYPES,
    ...publicMethods(library, 'KV.h', 'KV'),
    ...publicMethods(library, 'SMServer.h', 'SMServer'),
  ];
  const missing = wanted.filter((name) => !listed.has(name));
  if (missing.length > 0) throw new Error(`not listed: ${missing.join(', ')}`);
  return `${listed.size} names`;
}

function publicMethods(library: string, file: string, type: string): string[] {
  const text = readFileSync(join(library, 'src', file), 'utf8').replace(/\/\/.*/g, '');
  const body = text.slice(text.indexOf(`class ${type} {`)).split('private:')[0] ?? '';
  const names = [...body.matchAll(/^ {2}[A-Za-z][\w:<>&* ]*[ &*](\w+)\(/gm)].map((match) => match[1] ?? '');
  return [...new Set(names)].filter((name) => name !== type && name !== 'operator');
}

export async function checkLibraryProperties(library: string): Promise<string> {
  const entries = new Map<string, string>();
  for (const line of readFileSync(join(library, 'library.properties'), 'utf8').trim().split('\n')) {
    const at = line.indexOf('=');
    entries.set(line.slice(0, at), line.slice(at + 1));
  }
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
    if (!entries.get(key)) throw new Error(`${key} is missing`);
  }
  if (!/^\d+\.\d+\.\d+$/.test(entries.get('version') ?? '')) throw new Error('version is not x.y.z');
  if (entries.get('architectures') !== 'esp8266') throw new Error('architectures must be esp8266');
  const changes = readFileSync(join(library, 'CHANGELOG.md'), 'utf8');
  if (!changes.includes(`## ${entries.get('version')}`))
    throw new Error('CHANGELOG.md has no entry for the version');
  return `version ${entries.get('version')}`;
}

/** Examples compile against the fakes, as the Arduino builder would; so does the README's sketch, with three constants. */
export async function checkExamples(
  library: string,
  build: string,
  flags: readonly string[],
): Promise<string> {
  const sketches = new Map<string, string>();
  for (const name of readdirSync(join(library, 'examples'))) {
    sketches.set(name, readFileSync(join(library, 'examples', name, `${name}.ino`), 'utf8'));
  }
  const readme = readFileSync(join(library, 'README.md'), 'utf8');
  const sketch = readme.match(/```cpp\n([\s\S]*?)```/)?.[1];
  if (sketch === undefined) throw new Error('the README holds no sketch');
  const constants = sketch.match(/^(constexpr|const) char .*$/gm) ?? [];
  if (constants.length !== 3)
    throw new Error(`the README's sketch has ${constants.length} constants to change, not 3`);
  sketches.set('README', sketch);
  for (const [name, text] of sketches) {
    const source = join(build, `${name}.ino.cpp`);
    await Bun.write(source, `#include <Arduino.h>\n${text}`);
    const { code, output } = await run(['g++', ...flags, '-fsyntax-only', source]);
    if (code !== 0) throw new Error(`${name}:\n${output}`);
  }
  return `${sketches.size} sketches`;
}
