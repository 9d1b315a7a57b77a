import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../server/src/config.ts';
import { createBrokerSandbox } from './broker-sandbox.ts';
import { compose, hasCompose } from './compose.ts';
import { readText, repository } from './repository.ts';

// Each test starts processes, which take their time on a busy machine.
setDefaultTimeout(60_000);

const page = await readText('docs/operations.md');

/** The code block that holds `text`, its indentation taken off. */
function codeBlock(text: string): string {
  const blocks = [...page.matchAll(/^( *)```\w*\n([\s\S]*?)^ *```$/gm)];
  const [, indent = '', code = ''] = blocks.find((block) => block[2]?.includes(text)) ?? [];
  expect(code).not.toBe('');
  return code.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
}

function parseVariables(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

describe('the documented .env', () => {
  async function runBlock(): Promise<Record<string, string>> {
    const folder = mkdtempSync(join(tmpdir(), 'operations-'));
    try {
      const shell = Bun.spawnSync(['sh', '-e', '-c', codeBlock('cat > .env')], { cwd: folder });
      expect(shell.stderr.toString()).toBe('');
      expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
      return parseVariables(await Bun.file(join(folder, '.env')).text());
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test.skipIf(!hasCompose)(
    'is enough for compose, and server and broker accept what they get of it',
    async () => {
      const { exitCode, stderr, project } = await compose(await runBlock());
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });

      const given = project.services.server.environment;
      const config = loadConfig(
        Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value ?? undefined])),
      );
      expect(config.mqttHost).toBe('mqtt.example.net:1883');

      await using sandbox = createBrokerSandbox();
      const broker = await sandbox.run({ env: project.services.mqtt.environment as Record<string, string> });
      expect(broker).toMatchObject({ exitCode: 0, stderr: '' });
    },
  );

  test('makes every secret anew', async () => {
    const [first, second] = [await runBlock(), await runBlock()];
    const secrets = Object.keys(first).filter((name) => !['MQTT_HOST', 'ADMIN_USERNAME'].includes(name));
    expect(secrets).toHaveLength(7);
    for (const name of secrets) expect(second[name]).not.toBe(first[name] as string);
    expect(new Set(secrets.map((name) => first[name])).size).toBe(secrets.length);
  });
});

describe("Railway's variables", () => {
  /** Stands in for what Railway puts in the place of an expression. */
  function render(value: string): string {
    return value.replaceAll(/\$\{\{(.*?)\}\}/g, (_, expression: string) => {
      const length = /^secret\((\d+), "abcdef0123456789"\)$/.exec(expression)?.[1];
      if (length !== undefined) {
        return Buffer.from(crypto.getRandomValues(new Uint8Array(Number(length))))
          .toString('hex')
          .slice(0, Number(length));
      }
      const references: Record<string, string> = {
        'Postgres.DATABASE_URL': 'postgresql://postgres:secret@postgres.railway.internal:5432/railway',
        'mqtt.RAILWAY_PRIVATE_DOMAIN': 'mqtt.railway.internal',
        'mqtt.RAILWAY_TCP_PROXY_DOMAIN': 'shuttle.proxy.rlwy.net',
        'mqtt.RAILWAY_TCP_PROXY_PORT': '15140',
        'mqtt.MQTT_SECRET_KEY': '0123456789abcdef0123456789abcdef',
      };
      const reference = references[expression];
      if (reference === undefined) throw new Error(`unknown expression: ${expression}`);
      return reference;
    });
  }

  function variables(text: string): Record<string, string> {
    const entries = Object.entries(parseVariables(codeBlock(text)));
    return Object.fromEntries(entries.map(([name, value]) => [name, render(value)]));
  }

  test('are all that the server needs, with the broker on the private network', () => {
    // Each replica has a host name of its own, which stands in for `INSTANCE_ID`.
    const config = loadConfig(variables('RAILWAY_TCP_PROXY_PORT'), 'a3f09c1d2e4b');
    expect(config).toMatchObject({
      mqttUrl: 'mqtt://mqtt.railway.internal:1884',
      mqttHost: 'shuttle.proxy.rlwy.net:15140',
      emqx: { apiUrl: 'http://mqtt.railway.internal:18083/api/v5', apiKey: 'simple-iot-server' },
    });
  });

  test('are all that the broker needs', async () => {
    await using sandbox = createBrokerSandbox();
    const run = await sandbox.run({ env: variables('MQTT_ADMIN_PASSWORD=${{') });
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

test('the files that the page names exist', () => {
  const names = [
    ...page.matchAll(/`((?:docker-compose|railway|mqtt\/)[\w./-]*\.(?:yml|json)|mqtt\/Dockerfile)`/g),
  ].map((match) => match[1] as string);
  expect(names.length).toBeGreaterThan(2);
  for (const name of names) expect(existsSync(join(repository, name))).toBe(true);
});
