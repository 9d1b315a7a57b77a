import { afterAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SQL } from 'bun';
import { validate } from 'dockerfile-utils';
import { type Instruction, parseAllowList, parseDockerfile, replayDockerfile } from './dockerfile.ts';
import { readText, repository } from './repository.ts';

const IMAGES = [
  { dockerfile: 'server/Dockerfile', context: '.' },
  { dockerfile: 'mqtt/Dockerfile', context: 'mqtt' },
];

function only(instructions: Instruction[], keyword: string): Instruction {
  const found = instructions.filter((instruction) => instruction.keyword === keyword);
  expect(found).toHaveLength(1);
  return found[0] as Instruction;
}

describe.each(IMAGES)('$dockerfile', ({ dockerfile, context }) => {
  test('is a valid Dockerfile without warnings', async () => {
    expect(validate(await readText(dockerfile))).toEqual([]);
  });

  test('copies only what exists and what the ignore file lets into the build', async () => {
    const isAllowed = parseAllowList(await readText(join(context, '.dockerignore')));
    const copies = parseDockerfile(await readText(dockerfile)).filter(
      ({ keyword, flags }) => keyword === 'COPY' && flags.from === undefined,
    );
    expect(copies.length).toBeGreaterThan(0);
    for (const source of copies.flatMap(({ words }) => words.slice(0, -1))) {
      expect(existsSync(join(repository, context, source))).toBe(true);
      expect(isAllowed(source)).toBe(true);
    }
  });

  test('lets no secret into the build', async () => {
    const isAllowed = parseAllowList(await readText(join(context, '.dockerignore')));
    for (const path of [
      '.env',
      '.env.local',
      '.data/secrets.json',
      '.git/config',
      'server/.env',
      'certs/tls.key',
    ]) {
      expect(isAllowed(path)).toBe(false);
    }
  });

  test('pins its base images', async () => {
    const bases = parseDockerfile(await readText(dockerfile)).filter(({ keyword }) => keyword === 'FROM');
    for (const { words } of bases) expect(words[0]).toMatch(/:\d+\.\d+\.\d+(-[a-z]+)?$/);
  });

  test('starts in exec form, so that SIGTERM arrives', async () => {
    expect(only(parseDockerfile(await readText(dockerfile)), 'CMD').exec).toBeDefined();
  });
});

describe('the broker image', () => {
  test('is EMQX 5.8.9 and starts it through our entrypoint', async () => {
    const instructions = parseDockerfile(await readText('mqtt/Dockerfile'));
    expect(only(instructions, 'FROM').text).toBe('emqx/emqx:5.8.9');
    const [shell, script] = only(instructions, 'ENTRYPOINT').exec ?? [];
    expect(shell).toBe('/bin/sh');
    expect(instructions.find(({ words }) => words[0] === 'docker-entrypoint.sh')?.words[1]).toBe(
      script as string,
    );
    // The base image's command: an ENTRYPOINT of one's own resets it.
    expect(only(instructions, 'CMD').exec).toEqual(['/opt/emqx/bin/emqx', 'foreground']);
  });

  test('puts the configuration where it has the lowest precedence, owned by EMQX', async () => {
    const copies = parseDockerfile(await readText('mqtt/Dockerfile')).filter(
      ({ words }) => words[0] === 'base.hocon',
    );
    expect(copies).toMatchObject([
      { words: ['base.hocon', '/opt/emqx/etc/base.hocon'], flags: { chown: 'emqx:emqx' } },
    ]);
  });

  test('runs as the base image does: not as root', async () => {
    const instructions = parseDockerfile(await readText('mqtt/Dockerfile'));
    expect(instructions.filter(({ keyword }) => keyword === 'USER')).toEqual([]);
  });
});

describe('the server image', () => {
  test('runs the Bun that the lockfile pins', async () => {
    const { version }: { version: string } = await Bun.file(
      join(repository, 'node_modules/bun/package.json'),
    ).json();
    const bases = parseDockerfile(await readText('server/Dockerfile')).filter(
      ({ keyword }) => keyword === 'FROM',
    );
    expect(bases.map(({ words }) => words[0])).toEqual([
      `oven/bun:${version}-slim`,
      `oven/bun:${version}-slim`,
    ]);
  });

  test('does not run as root', async () => {
    const instructions = parseDockerfile(await readText('server/Dockerfile'));
    expect(only(instructions, 'USER').text).toBe('bun');
    expect(instructions.findIndex(({ keyword }) => keyword === 'USER')).toBeGreaterThan(
      instructions.findLastIndex(({ keyword }) => keyword === 'COPY' || keyword === 'RUN'),
    );
  });

  const databaseUrl = process.env.TEST_DATABASE_URL;
  const folder = mkdtempSync(join(tmpdir(), 'image-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.skipIf(databaseUrl === undefined)(
    'holds all that the server needs: built and started, it is live without a broker and stops on SIGTERM',
    async () => {
      const env = {
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        HOME: process.env.HOME ?? folder,
      };
      const image = await replayDockerfile(
        parseDockerfile(await readText('server/Dockerfile')),
        { folder: repository, isAllowed: parseAllowList(await readText('.dockerignore')) },
        folder,
        env,
      );
      for (const absent of ['mqtt/dev-broker/src', 'server/test', 'server/dev', '.env']) {
        expect(existsSync(join(image.workdir, absent))).toBe(false);
      }
      expect(existsSync(join(image.workdir, 'server/node_modules/@electric-sql'))).toBe(false);

      await using database = await createDatabase(databaseUrl as string);
      const [port, unusedPort] = [findFreePort(), findFreePort()];
      const serverEnv = {
        ...env,
        ...image.env,
        PORT: String(port),
        DATABASE_URL: database.url,
        JWT_SECRET: crypto.randomUUID(),
        DEVICE_MASTER_SECRET_KEY: crypto.randomUUID(),
        DEVICE_AGENT_SECRET_KEY: crypto.randomUUID(),
        MQTT_URL: `mqtt://127.0.0.1:${unusedPort}`,
        MQTT_HOST: `127.0.0.1:${unusedPort}`,
        EMQX_API_URL: `http://127.0.0.1:${unusedPort}/api/v5`,
        EMQX_API_KEY: 'simple-iot-server',
        MQTT_SECRET_KEY: crypto.randomUUID(),
      };
      const server = Bun.spawn(image.command, {
        cwd: image.workdir,
        env: serverEnv,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      });
      const output = Promise.all([server.stdout.text(), server.stderr.text()]);
      let health = 1;
      // The health check's own terms: an attempt at a time until the container is healthy.
      for (let attempt = 0; attempt < 60 && health !== 0 && server.exitCode === null; attempt++) {
        health = await Bun.spawn(image.healthCheck, {
          cwd: image.workdir,
          env: serverEnv,
          stdout: 'ignore',
          stderr: 'ignore',
        }).exited;
        if (health !== 0) await Bun.sleep(250);
      }
      server.kill('SIGTERM');
      const exitCode = await server.exited;
      const [stdout, stderr] = await output;
      expect({ health, exitCode, output: health === 0 && exitCode === 0 ? '' : stdout + stderr }).toEqual({
        health: 0,
        exitCode: 0,
        output: '',
      });
    },
    60_000,
  );
});

async function createDatabase(adminUrl: string): Promise<AsyncDisposable & { url: string }> {
  const name = `image_${crypto.randomUUID().replaceAll('-', '')}`;
  const admin = new SQL(adminUrl, { max: 1 });
  await admin.unsafe(`create database ${name}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.close();
    },
  };
}

function findFreePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  probe.stop();
  return probe.port;
}
