import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { buildDashboard } from '../../dashboard/build.ts';
import { type Stack, startStack } from '../harness.ts';

let stack: Stack;
beforeAll(async () => {
  [stack] = await Promise.all([startStack({ broker: false }), buildDashboard()]);
}, 60_000);
afterAll(() => stack?.close());

function navigate(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  return fetch(`${stack.url}${path}`, {
    method,
    headers: {
      accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
      'accept-encoding': 'identity',
      ...headers,
    },
  });
}

async function assets(): Promise<string[]> {
  const html = await (await navigate('/')).text();
  return [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
}

describe('the dashboard', () => {
  test.each(['/', '/devices', '/devices/8d2b1c65-0000-4000-8000-000000000000/timeline', '/no/such/page'])(
    'answers its page to a browser that opens %s',
    async (path) => {
      const answer = await navigate(path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
      expect(answer.headers.get('cache-control')).toBe('no-cache');
      expect(await answer.text()).toContain('<div id="app">');
    },
  );

  test('allows no code and no style but its own files, and no other page to frame it', async () => {
    const policy = (await navigate('/')).headers.get('content-security-policy') ?? '';
    const directives = new Map(
      policy.split('; ').map((directive) => {
        const [name = '', ...sources] = directive.split(' ');
        return [name, sources.join(' ')];
      }),
    );
    expect(directives.get('default-src')).toBe("'none'");
    expect(directives.get('script-src')).toBe("'self'");
    expect(directives.get('style-src')).toBe("'self'");
    expect(directives.get('connect-src')).toBe("'self'");
    expect(directives.get('frame-ancestors')).toBe("'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toContain('http');
  });

  test('has no inline script or style in its page', async () => {
    const html = await (await navigate('/')).text();
    expect(html).not.toMatch(/<style|style="|<script>|\son\w+="/);
  });

  test('is answered again without its body while it has not changed', async () => {
    const tag = (await navigate('/')).headers.get('etag') ?? '';
    expect(tag).not.toBe('');
    expect((await navigate('/devices', { 'if-none-match': tag })).status).toBe(304);
  });

  test('has files that may be kept forever, in the encoding that the browser takes', async () => {
    const paths = await assets();
    expect(paths.length).toBeGreaterThanOrEqual(4);
    for (const path of paths) {
      expect(path).toMatch(/-[0-9a-z]{8}\.(js|css|svg|woff2)$/);
      const plain = await fetch(`${stack.url}${path}`, { headers: { 'accept-encoding': 'identity' } });
      expect(plain.status).toBe(200);
      expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(plain.headers.get('x-content-type-options')).toBe('nosniff');
      if (path.endsWith('.woff2')) continue;
      const content = await plain.bytes();
      for (const [encoding, decode] of [
        ['br', brotliDecompressSync],
        ['gzip', gunzipSync],
      ] as const) {
        const packed = await fetch(`${stack.url}${path}`, {
          headers: { 'accept-encoding': encoding },
          decompress: false,
        });
        expect(packed.headers.get('content-encoding')).toBe(encoding);
        expect(packed.headers.get('vary')).toContain('Accept-Encoding');
        expect(decode(await packed.bytes()).equals(content)).toBe(true);
      }
    }
  });

  test('has no file outside its folder, and no listing', async () => {
    for (const path of [
      '/assets/',
      '/assets/../index.html',
      '/assets/..%2f..%2fbuild.ts',
      '/assets/none.js',
    ]) {
      const answer = await fetch(`${stack.url}${path}`);
      expect([400, 404]).toContain(answer.status);
    }
  });

  test('leaves devices and scripts the answers of the API', async () => {
    const device = await fetch(`${stack.url}/no/such/path`);
    expect(device.status).toBe(404);
    expect(await device.json()).toMatchObject({ c: 'ERROR', r: 'not_found' });
    for (const path of ['/api/v1/none', '/mqtt', '/auth/devices/request', '/health/live', '/problems']) {
      expect(await (await navigate(path)).text()).not.toContain('<div id="app">');
    }
    expect((await navigate('/devices', {}, 'POST')).status).not.toBe(200);
  });
});

test('the dashboard is answered while the database is away, so that it can say so', async () => {
  const starting = await startStack({
    broker: false,
    waitReady: false,
    env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
  });
  try {
    const headers = { accept: 'text/html' };
    expect((await fetch(`${starting.url}/`, { headers })).status).toBe(200);
    expect((await fetch(`${starting.url}/api/v1/session`)).status).toBe(503);
  } finally {
    await starting.close();
  }
}, 30_000);

test('builds beside each other miss no file at any moment, and remove those of an older one', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'dashboard-'));
  try {
    const folder = join(parent, 'build');
    await buildDashboard(folder);
    const files = [
      'index.html',
      ...(await readdir(join(folder, 'assets'))).map((name) => join('assets', name)),
    ];
    const outdated = join(folder, 'assets', 'main-outdated.js');
    await writeFile(outdated, '');
    let building = true;
    const builds = Promise.all([buildDashboard(folder), buildDashboard(folder)]).finally(() => {
      building = false;
    });
    const missed = new Set<string>();
    while (building) {
      for (const file of files) if (!existsSync(join(folder, file))) missed.add(file);
      await Bun.sleep(0);
    }
    await builds;
    expect([...missed]).toEqual([]);
    expect(existsSync(outdated)).toBe(false);
    expect(await readdir(parent)).toEqual(['build']);
    // The compressed files of the first build are those of the later ones too.
    for (const file of files.filter((name) => name.endsWith('.br'))) {
      const path = join(folder, file);
      expect(brotliDecompressSync(await readFile(path))).toEqual(await readFile(path.replace(/\.br$/, '')));
    }
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}, 60_000);

test('a build removes what one that was killed left behind, and not what another one is making', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'dashboard-'));
  try {
    const names = ['build.aB3xYz', 'build.Young1', 'build.backup', 'builder.aB3xYz'];
    for (const name of names) await mkdir(join(parent, name, 'assets'), { recursive: true });
    const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000);
    for (const name of names.filter((each) => each !== 'build.Young1')) {
      await utimes(join(parent, name), twoHoursAgo, twoHoursAgo);
    }
    await buildDashboard(join(parent, 'build'));
    expect((await readdir(parent)).sort()).toEqual([
      'build',
      'build.Young1',
      'build.backup',
      'builder.aB3xYz',
    ]);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}, 60_000);
