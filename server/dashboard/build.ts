import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** Where the server looks for the dashboard unless told otherwise. */
export const DASHBOARD_FOLDER = fileURLToPath(new URL('./build', import.meta.url));

const SOURCE = fileURLToPath(new URL('./src', import.meta.url));
const ASSETS = '/assets/';
/** A build takes seconds: a draft that is older was left by one that was killed. */
const ABANDONED_MS = 3_600_000;

/**
 * Bundles the dashboard into `folder`: `index.html`, and under `assets/` files whose names carry a hash of their content.
 * What compresses has a `.br` and a `.gz` beside it. Files are put in place when all have been written, one by one and the
 * page last, so that neither a server that reads the folder nor another build beside this one misses any.
 */
export async function buildDashboard(folder: string = DASHBOARD_FOLDER): Promise<void> {
  await removeAbandoned(folder);
  const draft = await mkdtemp(`${folder}.`);
  try {
    await write(draft, join(folder, 'assets'));
    await publish(draft, folder);
  } finally {
    await rm(draft, { recursive: true });
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  const place = dirname(folder);
  const drafts = (await readdir(place)).filter(
    (name) => name.startsWith(`${basename(folder)}.`) && DRAFT_ENDING.test(name),
  );
  for (const draft of drafts) {
    const path = join(place, draft);
    // Another build may remove it, or be done with it, at the same time.
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() && Date.now() - found.mtimeMs > ABANDONED_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

/** What `mkdtemp` appends; not a word, such as `build.backup`, which somebody else has given. */
const DRAFT_ENDING = /[.](?![a-z]{6}$)[A-Za-z0-9]{6}$/;

async function write(draft: string, earlierAssets: string): Promise<void> {
  const assets = join(draft, 'assets');
  await mkdir(assets, { recursive: true });

  const app = await bundle({
    entrypoints: [join(SOURCE, 'main.tsx')],
    outdir: assets,
    splitting: true,
    plugins: [fontsAsFiles(assets)],
  });
  const theme = await bundle({ entrypoints: [join(SOURCE, 'theme.ts')], outdir: assets, format: 'iife' });
  const icon = `icon-${hash(await readFile(join(SOURCE, 'icon.svg')))}.svg`;
  await cp(join(SOURCE, 'icon.svg'), join(assets, icon));

  const names = await readdir(assets);
  const page = join(draft, 'index.html');
  const html = (await readFile(join(SOURCE, 'index.html'), 'utf8'))
    .replace('%ICON%', ASSETS + icon)
    .replace('%FONT%', ASSETS + only(names, /^geist-latin-wght-normal-.*\.woff2$/))
    .replace('%THEME%', ASSETS + entryOf(theme))
    .replace('%STYLES%', ASSETS + only(names, /^main-.*\.css$/))
    .replace('%SCRIPT%', ASSETS + entryOf(app));
  await writeFile(page, html);

  const compressible = names.filter((name) => /\.(js|css|svg)$/.test(name));
  await Promise.all([
    compress(page),
    ...compressible.map((name) => compressOnce(join(assets, name), join(earlierAssets, name))),
  ]);
}

async function publish(draft: string, folder: string): Promise<void> {
  const assets = join(folder, 'assets');
  await mkdir(assets, { recursive: true });
  const names = await readdir(join(draft, 'assets'));
  await Promise.all(names.map((name) => rename(join(draft, 'assets', name), join(assets, name))));
  const pages = (await readdir(draft)).filter((name) => name !== 'assets');
  await Promise.all(pages.map((name) => rename(join(draft, name), join(folder, name))));
  const outdated = (await readdir(assets)).filter((name) => !names.includes(name));
  await Promise.all(outdated.map((name) => rm(join(assets, name), { force: true })));
}

async function bundle(
  options: Partial<Bun.BuildConfig> & { entrypoints: string[] },
): Promise<Bun.BuildOutput> {
  return await Bun.build({
    target: 'browser',
    minify: true,
    publicPath: ASSETS,
    naming: { entry: '[name]-[hash].[ext]', chunk: '[name]-[hash].[ext]', asset: '[name]-[hash].[ext]' },
    define: { 'process.env.NODE_ENV': '"production"' },
    env: 'disable',
    ...options,
  });
}

/** The bundler would write fonts into the style sheet, the alphabets that nobody needs included. */
function fontsAsFiles(assets: string): Bun.BunPlugin {
  return {
    name: 'fonts as files',
    setup(build) {
      build.onResolve({ filter: /\.woff2$/ }, async ({ path, importer }) => {
        const file = join(dirname(importer), path);
        const name = basename(path).replace('.woff2', `-${hash(await readFile(file))}.woff2`);
        await cp(file, join(assets, name));
        return { path: ASSETS + name, external: true };
      });
    },
  };
}

function entryOf(output: Bun.BuildOutput): string {
  const entry = output.outputs.find(({ kind, path }) => kind === 'entry-point' && path.endsWith('.js'));
  if (!entry) throw new Error('the bundler wrote no entry point');
  return basename(entry.path);
}

function only(names: readonly string[], pattern: RegExp): string {
  const [name, ...others] = names.filter((candidate) => pattern.test(candidate));
  if (name === undefined || others.length > 0) throw new Error(`expected one file like ${pattern}`);
  return name;
}

function hash(content: Uint8Array): string {
  return Bun.hash(content).toString(36).slice(0, 8);
}

/** Compressing is most of the work of a build: what an earlier one has compressed is taken over, since names stand for contents. */
async function compressOnce(file: string, earlier: string): Promise<void> {
  try {
    await Promise.all(['.br', '.gz'].map((suffix) => cp(earlier + suffix, file + suffix)));
  } catch {
    await compress(file);
  }
}

async function compress(file: string): Promise<void> {
  const content = await readFile(file);
  const [brotli, gzipped] = await Promise.all([
    promisify(brotliCompress)(content, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
      },
    }),
    promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }),
  ]);
  await Promise.all([writeFile(`${file}.br`, brotli), writeFile(`${file}.gz`, gzipped)]);
}

if (import.meta.main) await buildDashboard();
