import { expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dir, '../../..');

test('.ci/run runs the check as CI, without input, from anywhere, and ends with its exit code', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ci-'));
  try {
    const npx = `#!/bin/sh\n{ echo "$*"; echo "CI=$CI"; pwd; cat; } > "${folder}/called"\nexit 3\n`;
    writeFileSync(join(folder, 'npx'), npx, { mode: 0o755 });
    const child = Bun.spawn([join(root, '.ci/run')], {
      cwd: folder,
      env: { PATH: `${folder}:${process.env.PATH}` },
      stdin: new Blob(['input that nobody reads']),
      stdout: 'ignore',
      stderr: 'inherit',
    });
    expect(await child.exited).toBe(3);
    expect(readFileSync(join(folder, 'called'), 'utf8')).toBe(`-y bun run test\nCI=true\n${root}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the workflow runs the same script and nothing else', async () => {
  const workflow = Bun.YAML.parse(await Bun.file(join(root, '.github/workflows/ci.yml')).text());
  expect(workflow).toMatchObject({
    jobs: { check: { steps: [{ uses: expect.any(String) }, { run: '.ci/run' }] } },
  });
});
