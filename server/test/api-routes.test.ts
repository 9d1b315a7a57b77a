import { expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { startStack } from './harness.ts';

const SOURCE = join(import.meta.dir, '../src');
const ROUTE = /\.(get|put|post|patch|delete)\(\s*'(\/[^']*)'/g;
/** Pages, and what describes the API. */
const FOR_READERS = /^(\/|\/docs\b.*|\/problems\b.*|\/llms\.txt|\/api\/v1\/openapi\.json|\/assets\/.*)$/;

/** Every route that the source names, as `GET /devices/{id}`. */
async function routesOfSource(): Promise<string[]> {
  const routes: string[] = [];
  for await (const file of new Bun.Glob('**/*.ts').scan(SOURCE)) {
    if (file.endsWith('.test.ts')) continue;
    const text = await readFile(join(SOURCE, file), 'utf8');
    for (const [, method = '', path = ''] of text.matchAll(ROUTE)) {
      if (!FOR_READERS.test(path))
        routes.push(`${method.toUpperCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    }
  }
  return routes.toSorted();
}

test('every route is in the OpenAPI document, and every operation of the document is a route', async () => {
  const stack = await startStack({ broker: false, env: { METRICS_TOKEN: 'metrics-token-0123456789' } });
  const document = await (await fetch(`${stack.url}/api/v1/openapi.json`)).json();
  await stack.close();
  const { paths } = z
    .object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
    .parse(document);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('/api/v1', '')}`),
  );
  const routes = await routesOfSource();
  expect(routes.length).toBeGreaterThan(80);
  expect(routes).toEqual(operations.toSorted());
}, 30_000);
