import { expect, test } from 'bun:test';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

const modules = [...new Bun.Glob('**/*.ts').scanSync(FOLDER)].filter((path) => !path.endsWith('.test.ts'));

test('the contract imports nothing but zod and itself', async () => {
  expect(modules.length).toBeGreaterThan(10);
  const transpiler = new Bun.Transpiler({ loader: 'ts' });
  for (const path of modules) {
    const imports = transpiler.scanImports(await Bun.file(`${FOLDER}${path}`).text());
    for (const { path: imported } of imports) {
      const target = imported.startsWith('.')
        ? new URL(imported, `file:///contract/${path}`).pathname
        : imported;
      expect(target, `${path} imports ${imported}`).toMatch(/^(zod$|\/contract\/)/);
    }
  }
});

test('the contract bundles for a browser', async () => {
  const { success, outputs, logs } = await Bun.build({
    entrypoints: modules.map((path) => `${FOLDER}${path}`),
    target: 'browser',
  });
  expect({ success, logs }).toEqual({ success: true, logs: [] });
  for (const output of outputs) {
    const text = await output.text();
    expect(text).not.toMatch(/\b(Buffer|process|Bun)\./);
    expect(text).not.toMatch(/(from|require\()\s*["'](node|bun):/);
  }
});
