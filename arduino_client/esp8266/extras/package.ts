/**
 * Packs the library for a release: `bun arduino_client/esp8266/extras/package.ts <folder>` writes
 *
 * - `SimpleIoTServer-<version>.zip`, for "Add .ZIP Library" of the Arduino IDE, `arduino-cli lib install --zip-path`
 *   and PlatformIO. It holds one folder: the IDE refuses more at the top.
 * - `SimpleIoTServer/`, the contents of a mirror repository. The Library Manager wants `library.properties` at the
 *   root of a repository.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { must } from './test/shell.ts';

const library = join(import.meta.dir, '..');

/** What a user of the library needs; the tests need the whole repository. */
const CONTENTS = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'examples',
  'keywords.txt',
  'library.json',
  'library.properties',
  'src',
];

export interface Package {
  readonly archive: string;
  readonly mirror: string;
}

/** Packs the files as they are now, if git knows them or would add them. Both outputs are replaced. */
export async function packLibrary(folder: string): Promise<Package> {
  const { name, version } = readProperties();
  const archive = join(folder, `${name}-${version}.zip`);
  const mirror = join(folder, name);
  mkdirSync(folder, { recursive: true });
  rmSync(mirror, { recursive: true, force: true });
  const root = (await git(library, ['rev-parse', '--show-toplevel'])).trim();
  const tree = await writeTree(root);
  const prefix = `--prefix=${name}/`;
  await git(root, ['archive', '--format=zip', prefix, '-o', archive, tree]);
  const tar = join(folder, `${name}.tar`);
  await git(root, ['archive', '--format=tar', prefix, '-o', tar, tree]);
  await must(['tar', '-xf', tar, '-C', folder]);
  rmSync(tar);
  return { archive, mirror };
}

/** A git tree of the working files, made with an index of its own. */
async function writeTree(root: string): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), 'library-index-'));
  const env = { GIT_INDEX_FILE: join(scratch, 'index') };
  try {
    await git(library, ['add', '--', ...CONTENTS], env);
    return (await git(root, ['write-tree', `--prefix=${relative(root, library)}/`], env)).trim();
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A checkout in a container often belongs to another user, which git would refuse. */
function git(cwd: string, command: readonly string[], env?: Record<string, string>): Promise<string> {
  return must(['git', '-c', 'safe.directory=*', ...command], cwd, env);
}

function readProperties(): { name: string; version: string } {
  const text = readFileSync(join(library, 'library.properties'), 'utf8');
  const value = (key: string) => text.match(new RegExp(`^${key}=(.+)$`, 'm'))?.[1] ?? '';
  return { name: value('name'), version: value('version') };
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (folder === undefined) {
    console.error('Usage: bun arduino_client/esp8266/extras/package.ts <folder>');
    process.exit(2);
  }
  const { archive, mirror } = await packLibrary(resolve(folder));
  console.log(`${archive}\n${mirror}`);
}
