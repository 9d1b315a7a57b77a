import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deviceKey } from '../src/platform/secrets.ts';
import { startChild } from './child.ts';
import { AGENT_SECRET, MASTER_SECRET, type Stack, startStack } from './harness.ts';
import { vectors } from './vectors.ts';

const DEVICE = fileURLToPath(new URL('../dev/device.ts', import.meta.url));
const DEVICE_KEY = fileURLToPath(new URL('../dev/device-key.ts', import.meta.url));
/** Where no development stack has left its secrets. */
const NOWHERE = { DATA_DIR: '/nonexistent' };

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
}, 60_000);
afterAll(() => stack.close());

async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ exitCode: number; output: string }> {
  const child = startChild([process.execPath, '--no-env-file', program, ...args], { ...NOWHERE, ...env });
  return { exitCode: await child.exited, output: child.output() };
}

function device(args: readonly string[], env?: Readonly<Record<string, string>>) {
  return run(DEVICE, ['--server', stack.url, ...args], env);
}

describe('the simulated device', () => {
  test('shows each step, answers nothing away, and ends with 0', async () => {
    const uuid = randomUUID();
    const { exitCode, output } = await device([
      '--uuid',
      uuid.toUpperCase(),
      '--role',
      'master',
      '--secret',
      MASTER_SECRET,
      '--pings',
      '2',
      '--interval',
      '0.01',
    ]);
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    const steps = output
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    expect(steps).toEqual(['device', 'token', 'broker', 'connect', 'subscribe', 'PING', 'PING', 'leave']);
    expect(output).toContain(`${uuid}.1`);
    expect(output).toMatch(/PING +→ PONG after \d+\.\d ms/);
    expect(output).not.toContain(MASTER_SECRET);
    const [row] = await stack.sql`select role from devices where id = ${uuid}`;
    expect(row?.role).toBe('master');
  });

  test('takes its secret from the environment, and a device key', async () => {
    const uuid = randomUUID();
    const once = ['--uuid', uuid, '--pings', '1'];
    expect(await device(once, { DEVICE_AGENT_SECRET_KEY: AGENT_SECRET })).toMatchObject({ exitCode: 0 });
    expect(await device([...once, '--secret', deviceKey(AGENT_SECRET, uuid)])).toMatchObject({ exitCode: 0 });
  });

  test('finds the server of its development stack by PORT, and its secrets by DATA_DIR', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'device-'));
    await writeFile(join(dataDir, 'secrets.json'), JSON.stringify({ DEVICE_AGENT_SECRET_KEY: AGENT_SECRET }));
    const env = { PORT: new URL(stack.url).port, DATA_DIR: dataDir };
    expect(await run(DEVICE, ['--pings', '1'], env)).toMatchObject({ exitCode: 0 });
    await rm(dataDir, { recursive: true });
  });

  test('takes values that begin with a dash, as one device key in 64 does', async () => {
    const uuids = Array.from({ length: 2_000 }, () => randomUUID());
    const uuid = uuids.find((each) => deviceKey(AGENT_SECRET, each).startsWith('-')) ?? '';
    const key = deviceKey(AGENT_SECRET, uuid);
    expect(key).toStartWith('-');
    expect(await device(['--uuid', uuid, '--secret', key, '--pings', '1'])).toMatchObject({ exitCode: 0 });
    const printed = await run(DEVICE_KEY, [uuid, '--secret', '-secret-that-begins-so']);
    expect(printed).toEqual({ exitCode: 0, output: `${deviceKey('-secret-that-begins-so', uuid)}\n` });
  }, 20_000);

  test('goes on until Ctrl-C, and then leaves with 0', async () => {
    const args = ['--server', stack.url, '--secret', AGENT_SECRET, '--pings', '0', '--interval', '0.05'];
    const child = startChild([process.execPath, '--no-env-file', DEVICE, ...args], NOWHERE);
    await child.prints(/(PING.*\n[\s\S]*){3}/);
    child.signal('SIGINT');
    expect(await child.exited).toBe(0);
    expect(child.output()).toContain('leave');
  });

  test.each<[string, readonly string[], RegExp]>([
    ['no UUID', ['--uuid', 'device-1'], /--uuid must be a UUID/],
    ['the nil UUID', ['--uuid', '00000000-0000-0000-0000-000000000000'], /--uuid must be a UUID/],
    ['an unknown role', ['--role', 'admin'], /--role must be master or agent/],
    ['no number of pings', ['--pings', 'many'], /--pings must be a whole number/],
    ['a negative number of pings', ['--pings=-1'], /--pings must be a whole number/],
    ['an empty number of pings', ['--pings', ''], /--pings must be a whole number/],
    ['no interval', ['--interval', '0'], /--interval must be a number/],
    ['an endless interval', ['--interval', 'Infinity'], /--interval must be a number/],
    ['an unknown option', ['--colour', 'red'], /--colour/],
    ['no secret', [], /--secret.*DEVICE_AGENT_SECRET_KEY/],
    ['a wrong secret', ['--secret', 'some-wrong-secret'], /refused with 401 FORBIDDEN bad_credential/],
    ['a server that is no URL', ['--server', 'localhost:x y'], /--server must be a URL/],
    [
      'a server of another scheme',
      ['--server', 'ftp://127.0.0.1', '--secret', 'x'],
      /--server must be a URL/,
    ],
    ['a server that is not there', ['--server', 'http://127.0.0.1:1', '--secret', 'x'], /cannot be reached/],
  ])('ends with 1 and a line that says why: %s', async (_, args, message) => {
    const { exitCode, output } = await device(args);
    expect(exitCode).toBe(1);
    expect(output).toMatch(message);
    expect(output).not.toMatch(/^ +at /m);
  });

  test('tells a server that is not ours', async () => {
    const other = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => new Response('<html>welcome</html>'),
    });
    const { exitCode, output } = await device(['--server', other.url.href, '--secret', AGENT_SECRET]);
    expect(exitCode).toBe(1);
    expect(output).toContain('is not a Simple IoT Server');
    await other.stop(true);
  });
});

describe('device-key', () => {
  const [vector = vectors.device_keys[0]] = vectors.device_keys.filter(({ role_secret }) =>
    role_secret.startsWith('agent'),
  );

  test('prints the key of the vectors, and nothing else', async () => {
    for (const { role_secret, uuid, key_number, key } of vectors.device_keys) {
      const number = key_number === 0 ? [] : ['--number', String(key_number)];
      expect(await run(DEVICE_KEY, [uuid, '--secret', role_secret, ...number])).toEqual({
        exitCode: 0,
        output: `${key}\n`,
      });
    }
  }, 20_000);

  test('takes the secret of the role from the environment', async () => {
    const env = { DEVICE_AGENT_SECRET_KEY: AGENT_SECRET, DEVICE_MASTER_SECRET_KEY: MASTER_SECRET };
    const uuid = vector?.uuid ?? '';
    expect((await run(DEVICE_KEY, [uuid], env)).output.trim()).toBe(deviceKey(AGENT_SECRET, uuid));
    const master = await run(DEVICE_KEY, [uuid, '--role', 'master'], env);
    expect(master.output.trim()).toBe(deviceKey(MASTER_SECRET, uuid));
  });

  test.each<[string, readonly string[], RegExp]>([
    ['no UUID', [], /Give one device UUID/],
    ['two UUIDs', [randomUUID(), randomUUID()], /Give one device UUID/],
    ['something else', ['device-1'], /Give one device UUID/],
    ['no whole number', [randomUUID(), '--number', '1.5'], /--number must be a whole number/],
    ['an unknown role', [randomUUID(), '--role', 'admin'], /--role must be master or agent/],
    ['no secret', [randomUUID()], /--secret.*DEVICE_AGENT_SECRET_KEY/],
  ])('ends with 1 and says why: %s', async (_, args, message) => {
    const { exitCode, output } = await run(DEVICE_KEY, args);
    expect(exitCode).toBe(1);
    expect(output).toMatch(message);
    expect(output).not.toMatch(/^ +at /m);
  });
});

describe.each([
  'dev/main.ts',
  'dev/device.ts',
  'dev/device-key.ts',
  'dev/fleet/main.ts',
  'dev/screenshots.ts',
  'dev/check/main.ts',
  'bench/main.ts',
  'src/doctor.ts',
  'src/admin.ts',
])('the command %s', (name) => {
  const program = fileURLToPath(new URL(`../${name}`, import.meta.url));

  test('explains itself with --help and -h', async () => {
    const [long, short] = await Promise.all([run(program, ['--help']), run(program, ['-h'])]);
    expect(long).toEqual({ exitCode: 0, output: expect.stringMatching(/^Usage: bun run /) });
    expect(short).toEqual(long);
  }, 20_000);

  test('refuses what it does not know', async () => {
    const { exitCode, output } = await run(program, ['--colour']);
    expect(exitCode).toBeGreaterThan(0);
    expect(output).toMatch(/--colour|^Usage/);
    expect(output).not.toMatch(/^ +at /m);
  });
});
