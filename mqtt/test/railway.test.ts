import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readText, repository } from './repository.ts';

interface RailwayFile {
  $schema: string;
  build: { builder: string; dockerfilePath: string; watchPatterns: string[] };
  deploy: Record<string, string | number>;
}

const SERVICES = [
  { file: 'railway.json', root: '.' },
  { file: 'mqtt/railway.json', root: 'mqtt' },
];

describe.each(SERVICES)('$file', ({ file, root }) => {
  test('builds the Dockerfile, whose path counts from the root directory of the service', async () => {
    const { $schema, build }: RailwayFile = JSON.parse(await readText(file));
    expect($schema).toBe('https://railway.com/railway.schema.json');
    expect(build.builder).toBe('DOCKERFILE');
    expect(existsSync(join(repository, root, build.dockerfilePath))).toBe(true);
  });

  test('is deployed again when a file of its image changes', async () => {
    const { build }: RailwayFile = JSON.parse(await readText(file));
    for (const pattern of build.watchPatterns) {
      expect(pattern).toStartWith('/');
      expect(existsSync(join(repository, pattern.replace('/**', '')))).toBe(true);
    }
  });

  test('never runs beside its predecessor longer than needed, and gets time to stop', async () => {
    const { deploy }: RailwayFile = JSON.parse(await readText(file));
    expect(deploy).toMatchObject({ restartPolicyType: 'ON_FAILURE', overlapSeconds: 0 });
    expect(deploy.drainingSeconds).toBeGreaterThanOrEqual(10);
  });
});

test('the server is taken for deployed when it is live: it may come up before the broker', async () => {
  const { deploy }: RailwayFile = JSON.parse(await readText('railway.json'));
  expect(deploy.healthcheckPath).toBe('/health/live');
});
