import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from './child.ts';
import { callDevice, tokenPath, until } from './harness.ts';

const MAIN = fileURLToPath(new URL('../dev/main.ts', import.meta.url));
const PORTS = { PORT: '0', MQTT_PORT: '0', EMQX_API_PORT: '0' };
/** The check command installs them where it can. */
const shellPrograms = ['curl', 'mosquitto_sub', 'mosquitto_pub'].every((name) => Bun.which(name) !== null);

let folder: string;
const children: Child[] = [];

function start(dataDir: string, env: Readonly<Record<string, string>> = {}): Child {
  const child = startChild([process.execPath, '--no-env-file', MAIN], {
    ...PORTS,
    DATA_DIR: dataDir,
    ...env,
  });
  children.push(child);
  return child;
}

/** What a shell prints for a line, as a person would paste it. */
async function shell(line: string): Promise<string> {
  const child = startChild(['bash', '-c', line]);
  const exitCode = await child.exited;
  expect({ line: line.slice(0, 20), exitCode, output: child.output() }).toMatchObject({ exitCode: 0 });
  return child.output();
}

function printedLine(child: Child, program: string): string {
  return new RegExp(`^${program} .*$`, 'm').exec(child.output())?.[0] ?? `echo no line for ${program}; false`;
}

function printed(child: Child, pattern: RegExp): string {
  return pattern.exec(child.output())?.[1] ?? '';
}

async function stop(child: Child): Promise<void> {
  child.signal('SIGINT');
  expect(await child.exited).toBe(0);
}

async function expectFree(port: string): Promise<void> {
  const listener = Bun.listen({ hostname: '0.0.0.0', port: Number(port), socket: { data() {} } });
  expect(listener.port).toBe(Number(port));
  listener.stop();
}

async function files(path: string): Promise<number> {
  return (await readdir(path).catch(() => [])).length;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dev-stack-'));
});
afterAll(async () => {
  for (const child of children) await child.end();
  await rm(folder, { recursive: true, force: true });
});

describe('the development stack', () => {
  test('becomes ready, Ctrl-C ends it and frees its ports, and the next start keeps devices and secrets', async () => {
    const dataDir = join(folder, 'kept');
    const first = start(dataDir);
    await first.prints(/^ready$/m);
    expect(first.output().trimEnd().endsWith('ready')).toBe(true);
    const http = printed(first, /HTTP +http:\/\/127\.0\.0\.1:(\d+)/);
    const mqtt = printed(first, /MQTT +mqtt:\/\/127\.0\.0\.1:(\d+)/);
    const secret = printed(first, /DEVICE_AGENT_SECRET_KEY +(\S+)/);
    const uuid = printed(first, /uuid=([0-9a-f-]{36})/);
    expect((await stat(join(dataDir, 'secrets.json'))).mode & 0o077).toBe(0);
    await stop(first);
    await expectFree(http);
    await expectFree(mqtt);

    const second = start(dataDir, { ENROLLMENT: 'closed' });
    await second.prints(/^ready$/m);
    expect(printed(second, /DEVICE_AGENT_SECRET_KEY +(\S+)/)).toBe(secret);
    const url = printed(second, /HTTP +(http:\/\/127\.0\.0\.1:\d+)/);
    expect(await callDevice(url, tokenPath(uuid), secret)).toMatchObject({ status: 200, c: 'OK' });
    await stop(second);
  }, 60_000);

  test.skipIf(!shellPrograms)(
    'prints lines that give a token and a PONG when pasted into a shell',
    async () => {
      const child = start(join(folder, 'lines'));
      await child.prints(/^ready$/m);
      const answer: unknown = JSON.parse(await shell(printedLine(child, 'curl')));
      expect(answer).toMatchObject({ c: 'OK', t: expect.any(String), u: expect.any(String) });
      expect(await shell(printedLine(child, 'mosquitto_sub'))).toContain('{"c":"PONG"}');
      await stop(child);
    },
    60_000,
  );

  test('survives a Ctrl-C in the middle of its first start, and being killed', async () => {
    const dataDir = join(folder, 'interrupted');
    const first = start(dataDir);
    await until(
      'it has begun to write its database',
      async () => (await files(join(dataDir, 'database'))) > 0,
    );
    first.signal('SIGINT');
    expect(await first.exited).toBe(0);
    const second = start(dataDir);
    await second.prints(/^ready$/m);
    second.signal('SIGKILL');
    await second.exited;
    const third = start(dataDir);
    await third.prints(/^ready$/m);
    await stop(third);
  }, 60_000);

  test.each(['PORT', 'MQTT_PORT', 'EMQX_API_PORT'])(
    'tells a port in use in one line that names it and %s',
    async (variable) => {
      const hostname = variable === 'PORT' ? '::' : '0.0.0.0';
      const taken = Bun.listen({ hostname, port: 0, socket: { data() {} } });
      const child = start(join(folder, 'never'), { [variable]: String(taken.port) });
      expect(await child.exited).toBe(1);
      expect(child.output().trim().split('\n')).toHaveLength(1);
      expect(child.output()).toContain(`${taken.port}`);
      expect(child.output()).toContain(`${variable}=`);
      taken.stop();
    },
    20_000,
  );

  test('names a variable that it cannot use, without a stack trace', async () => {
    const port = start(join(folder, 'never'), { PORT: 'eighty' });
    expect(await port.exited).toBe(1);
    expect(port.output()).toContain('PORT must be a port number');
    expect(port.output()).not.toContain('    at ');
    const ttl = start(join(folder, 'never-either'), { TOKEN_TTL: 'soon' });
    expect(await ttl.exited).toBe(1);
    expect(ttl.output()).toContain('TOKEN_TTL must be a duration');
    expect(ttl.output()).not.toContain('    at ');
  }, 20_000);
});
