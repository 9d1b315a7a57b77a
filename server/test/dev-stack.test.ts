import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from './child.ts';
import { callDevice, tokenPath, until } from './harness.ts';

const MAIN = fileURLToPath(new URL('../dev/main.ts', import.meta.url));
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
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

/** Programs as a person has them: `bun`, and an `npx` that has it already. */
async function programs(): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'npx'), '#!/bin/sh\nshift\nexec "$@"\n');
  await writeFile(join(bin, 'bun'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`);
  for (const name of ['npx', 'bun']) await chmod(join(bin, name), 0o755);
  return `${bin}:${process.env.PATH}`;
}

/** What a shell in another terminal prints for a line, as a person would paste it. */
async function shell(line: string): Promise<string> {
  const child = startChild(['bash', '-c', line], { PATH: await programs() }, REPOSITORY);
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
    expect(first.output()).toContain('\nCtrl-C stops the stack; devices are kept.\n\nready\n');
    const http = printed(first, /dashboard +http:\/\/127\.0\.0\.1:(\d+)/);
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
    const url = printed(second, /dashboard +(http:\/\/127\.0\.0\.1:\d+)/);
    expect(await callDevice(url, tokenPath(uuid), secret)).toMatchObject({ status: 200, c: 'OK' });
    await stop(second);
  }, 120_000);

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
    120_000,
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
  }, 120_000);

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

describe('Ctrl-C', () => {
  test('in a terminal, on `bun run dev`, ends the stack in order and with 0', async () => {
    let output = '';
    const child = Bun.spawn([process.execPath, 'run', 'dev'], {
      cwd: REPOSITORY,
      env: { ...PORTS, PATH: await programs(), HOME: folder, DATA_DIR: join(folder, 'terminal') },
      terminal: {
        data(_, bytes) {
          output += new TextDecoder().decode(bytes);
        },
      },
    });
    await until('it is ready', () => /^ready\r?$/m.test(output) || child.exitCode !== null, 60_000);
    // The terminal signals the whole process group; `bun run` passes it on as well.
    child.terminal?.write('\x03');
    expect({ exitCode: await child.exited, output }).toMatchObject({ exitCode: 0 });
    await until(
      'it has closed its database and let go of its folder',
      async () => !(await readdir(join(folder, 'terminal'))).includes('dev.pid'),
    );
  }, 120_000);

  test('delivered twice ends it in order all the same', async () => {
    const child = start(join(folder, 'twice'));
    await child.prints(/^ready$/m);
    child.signal('SIGINT');
    child.signal('SIGINT');
    expect(await child.exited).toBe(0);
  }, 120_000);
});

describe('a stack that cannot start says why in one line', () => {
  async function expectLine(child: Child, ...patterns: RegExp[]): Promise<string> {
    expect(await child.exited).toBe(1);
    const lines = child.output().trim().split('\n');
    expect(lines).toHaveLength(1);
    for (const pattern of patterns) expect(lines[0]).toMatch(pattern);
    return lines[0] ?? '';
  }

  test('another one uses the folder: its pid', async () => {
    const dataDir = join(folder, 'shared');
    const first = start(dataDir);
    await first.prints(/^ready$/m);
    await expectLine(start(dataDir), new RegExp(`with pid ${first.pid} uses ${dataDir}`), /DATA_DIR=/);
    await stop(first);
    const next = start(dataDir);
    await next.prints(/^ready$/m);
    await stop(next);
  }, 120_000);

  test('ports are in use: all of them, in a line that starts it with everything that was given', async () => {
    const taken = Array.from({ length: 3 }, () =>
      Bun.listen({ hostname: '0.0.0.0', port: 0, socket: { data() {} } }),
    );
    const [http, mqtt, api] = taken.map(({ port }) => String(port));
    const dataDir = join(folder, 'with blank');
    const line = await expectLine(
      start(dataDir, { PORT: http ?? '', MQTT_PORT: mqtt ?? '', EMQX_API_PORT: api ?? '' }),
      new RegExp(`${http} \\(PORT\\), ${mqtt} \\(MQTT_PORT\\), ${api} \\(EMQX_API_PORT\\)`),
    );
    for (const each of taken) each.stop();
    const hint = /PORT=\d+ MQTT_PORT=\d+ EMQX_API_PORT=\d+ DATA_DIR='.*with blank' npx -y bun run dev/.exec(
      line,
    );
    const echoed = await shell((hint?.[0] ?? 'false').replace('npx -y bun run dev', 'env'));
    expect(echoed).toContain(`DATA_DIR=${dataDir}\n`);
  }, 20_000);

  test('two ports are equal', async () => {
    const child = start(join(folder, 'never'), { PORT: '4001', MQTT_PORT: '4001' });
    expect(await child.exited).toBe(1);
    expect(child.output()).toContain('MQTT_PORT must differ from PORT: both are 4001');
    expect(child.output()).not.toContain('    at ');
  });

  test('the folder is none, or lies below a file', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expectLine(start(file), /DATA_DIR .*file cannot be used: it is not a folder/);
    await expectLine(
      start(join(file, 'below')),
      /DATA_DIR .*below cannot be used: part of the path is not a folder/,
    );
  });

  test('the secrets are corrupt; they are left as they are', async () => {
    for (const text of ['{"JWT_SECRET":', '{"JWT_SECRET":7}', '[]']) {
      const dataDir = await mkdtemp(join(folder, 'corrupt-'));
      await writeFile(join(dataDir, 'secrets.json'), text);
      await expectLine(start(dataDir), /secrets\.json does not hold the secrets/, /delete it/);
      expect(await readFile(join(dataDir, 'secrets.json'), 'utf8')).toBe(text);
    }
  }, 20_000);
});

describe('what the stack prints', () => {
  test('works in another terminal: the simulated device and the doctor, with moved ports', async () => {
    const child = start(join(folder, 'moved'), {
      DEVICE_CREDENTIALS: 'derived',
      DEVICE_AGENT_SECRET_KEY: "an agent's-secret$0123".replace(' ', '-'),
    });
    await child.prints(/^ready$/m);
    const line = (end: string) => new RegExp(`^.*npx .*${end}$`, 'm').exec(child.output())?.[0] ?? 'false';
    expect(await shell(line('run device'))).toMatch(/PING +→ PONG/);
    expect(await shell(line('run doctor'))).toContain('EMQX');
    await stop(child);
  }, 120_000);

  test('is not changed by an .env that is meant for Docker Compose', async () => {
    const cwd = await mkdtemp(join(folder, 'compose-'));
    const { scripts } = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8'));
    const dev = scripts.dev
      .replace('bun install --frozen-lockfile && ', '')
      .replace('server/dev/main.ts', MAIN);
    await writeFile(join(cwd, 'package.json'), JSON.stringify({ scripts: { dev } }));
    await writeFile(
      join(cwd, '.env'),
      'MQTT_HOST=mqtt.example.net:1883\nDATABASE_URL=postgres://u:p@db:5432/n\nDEVICE_AGENT_SECRET_KEY=of-compose-0123456789\n',
    );
    const env = { ...PORTS, PATH: await programs(), DATA_DIR: join(cwd, 'data') };
    const child = startChild([process.execPath, 'run', 'dev'], env, cwd);
    children.push(child);
    await child.prints(/^ready$/m);
    expect(child.output()).not.toMatch(/mqtt\.example\.net|of-compose/);
    await stop(child);
  }, 120_000);
});
