import { describe, expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { ConfigError, loadConfig, variableNames } from '../src/config.ts';

const ROOT = new URL('../../', import.meta.url);
const text = await readFile(new URL('.env.example', ROOT), 'utf8');
const compose = await Promise.all(
  ['docker-compose.yml', 'docker-compose.tls.yml'].map((name) => readFile(new URL(name, ROOT), 'utf8')),
);

/** The documented variables: `# NAME=value` shows a default, `NAME=` has to be filled in. */
const documented = [...text.matchAll(/^(# )?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(
  ([, comment, name = '', value = '']) => ({
    name,
    value,
    required: comment === undefined,
  }),
);

const GOOD: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://db/iot',
  JWT_SECRET: '0123456789abcdef0123456789abcdef',
  DEVICE_MASTER_SECRET_KEY: 'master-secret-01',
  DEVICE_AGENT_SECRET_KEY: 'agent-secret-012',
  MQTT_URL: 'mqtt://broker:1884',
  MQTT_HOST: 'mqtt.example.net:1883',
  EMQX_API_URL: 'http://broker:18083/api/v5',
  MQTT_SECRET_KEY: 'api-secret',
};

function requiredByTheServer(): string[] {
  try {
    loadConfig({}, 'host');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map((fault) => fault.split(' ')[0] ?? '');
  }
}

describe('.env.example', () => {
  test('documents each variable of the server and of the compose files once, and no other', () => {
    const ofCompose = compose.flatMap((file) =>
      [...file.matchAll(/\$\{([A-Z0-9_]+)/g)].map(([, name = '']) => name),
    );
    expect(documented.map(({ name }) => name).toSorted()).toEqual(
      [...new Set([...variableNames, ...ofCompose])].toSorted(),
    );
  });

  test('has what the server requires to be filled in, and nothing filled in already', () => {
    const open = documented.filter(({ required }) => required);
    expect(open.filter(({ value }) => value !== '')).toEqual([]);
    const names = open.map(({ name }) => name).filter((name) => variableNames.includes(name));
    // The broker image requires the one password that the server only knows of.
    expect(names.toSorted()).toEqual([...requiredByTheServer(), 'MQTT_ADMIN_PASSWORD'].toSorted());
  });

  test.each(
    documented.filter(
      ({ name, value, required }) => !required && value !== '' && variableNames.includes(name),
    ),
  )('shows the default of $name', ({ name, value }) => {
    expect(loadConfig({ ...GOOD, [name]: value }, 'host')).toEqual(loadConfig(GOOD, 'host'));
  });

  test('says something about each variable', () => {
    const lines = text.split('\n');
    for (const { name } of documented) {
      const at = lines.findIndex((line) => new RegExp(`^(# )?${name}=`).test(line));
      const block = lines.slice(0, at).toReversed();
      const above = block.slice(0, block.indexOf('') + 1 || undefined);
      expect({ name, explained: above.some((line) => /^# (?![A-Z_]+=)/.test(line)) }).toEqual({
        name,
        explained: true,
      });
    }
  });
});
