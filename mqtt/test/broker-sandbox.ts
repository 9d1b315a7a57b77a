import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const ENTRYPOINT = join(import.meta.dir, '../docker-entrypoint.sh');

export const isRoot = userInfo().uid === 0;

/** Whom the tests take for the image's user: an unprivileged one where they run as root, else themselves. */
export const brokerUser = isRoot ? 'nobody' : userInfo().username;

/** The script's own settings, which the sandbox points into its folder. Nothing else in it is touched. */
const CONSTANTS = {
  base_entrypoint: '/usr/bin/docker-entrypoint.sh',
  emqx_home: '/opt/emqx',
  cert_dir: '/certs',
  ipv6_interfaces: '/proc/net/if_inet6',
};

/** Stands in for the base image's entrypoint: reports how it was called, then does what its first argument says. */
const BASE_ENTRYPOINT = `#!/bin/sh
trap 'echo TERM > "$SANDBOX/signal"; exit 0' TERM
{ echo "pid=$$"; for argument in "$@"; do echo "argument=$argument"; done; } > "$SANDBOX/called"
env > "$SANDBOX/environment"
case "\${1:-}" in
  exit) exit "$2" ;;
  wait) while :; do sleep 0.05; done ;;
esac
`;

export interface BrokerSandbox extends AsyncDisposable {
  folder: string;
  keyFile: string;
  start(options?: StartOptions): Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  run(options?: StartOptions): Promise<BrokerRun>;
  writeCertificate(...files: string[]): void;
  /** The file to which EMQX writes what was changed over REST. */
  writeClusterConfig(text: string): void;
}

interface StartOptions {
  env?: Record<string, string>;
  arguments?: string[];
  /** Starts the container as root, which takes tests that run as root. */
  asRoot?: boolean;
}

interface BrokerRun {
  exitCode: number;
  stderr: string;
  /** The base entrypoint's arguments; undefined when it was not called. */
  arguments?: string[];
  /** The environment that the base entrypoint got. */
  environment: Record<string, string>;
}

/** A container's files for the entrypoint: the real script, run by a real shell, in a folder of its own. */
export function createBrokerSandbox({
  ipv6 = true,
  shell = 'sh',
  // Nothing listens there.
  apiUrl = 'http://127.0.0.1:9/api/v5',
}: {
  ipv6?: boolean;
  shell?: string;
  /** The REST API that the entrypoint calls once EMQX has booted. */
  apiUrl?: string;
} = {}): BrokerSandbox {
  const folder = mkdtempSync(join(tmpdir(), 'broker-'));
  chmodSync(folder, 0o755);
  for (const path of ['opt/emqx/etc', 'opt/emqx/data', 'opt/emqx/log', 'usr/bin', 'certs', 'proc/net']) {
    mkdirSync(join(folder, path), { recursive: true });
  }
  writeFileSync(join(folder, CONSTANTS.base_entrypoint), BASE_ENTRYPOINT, { mode: 0o755 });
  if (ipv6) writeFileSync(join(folder, CONSTANTS.ipv6_interfaces), '');

  let script = readFileSync(ENTRYPOINT, 'utf8');
  for (const [name, value] of Object.entries(CONSTANTS)) {
    const line = `\n${name}=${value}\n`;
    if (script.split(line).length !== 2) throw new Error(`the entrypoint must set ${name}=${value} once`);
    script = script.replace(line, `\n${name}=${join(folder, value)}\n`);
  }
  const settings = {
    emqx_user: ['emqx', brokerUser],
    api_url: ['http://127.0.0.1:18083/api/v5', apiUrl],
    poll_seconds: ['1', '0.1'],
    server_grace_seconds: ['30', '0'],
  };
  for (const [name, [value, instead]] of Object.entries(settings)) {
    const line = `\n${name}=${value}\n`;
    if (script.split(line).length !== 2) throw new Error(`the entrypoint must set ${name}=${value} once`);
    script = script.replace(line, `\n${name}=${instead}\n`);
  }
  const scriptFile = join(folder, 'docker-entrypoint.sh');
  writeFileSync(scriptFile, script);
  if (isRoot) Bun.spawnSync(['chown', '-R', `${brokerUser}:`, folder]);

  const sandbox: BrokerSandbox = {
    folder,
    keyFile: join(folder, CONSTANTS.emqx_home, 'etc/api_keys.txt'),
    start({ env = {}, arguments: args = [], asRoot = false } = {}) {
      const user = isRoot && !asRoot ? ['setpriv', '--reuid', brokerUser, '--clear-groups', '--'] : [];
      return Bun.spawn([...user, shell, scriptFile, ...args], {
        cwd: folder,
        env: { PATH: process.env.PATH ?? '', SANDBOX: folder, ...env },
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      });
    },
    async run(options) {
      rmSync(join(folder, 'called'), { force: true });
      rmSync(join(folder, 'environment'), { force: true });
      const child = sandbox.start(options);
      const [exitCode, stderr] = await Promise.all([child.exited, child.stderr.text()]);
      const called = readLines(join(folder, 'called'));
      const environment = Object.fromEntries(
        (readLines(join(folder, 'environment')) ?? []).map((line) => {
          const at = line.indexOf('=');
          return [line.slice(0, at), line.slice(at + 1)];
        }),
      );
      const args = called
        ?.filter((line) => line.startsWith('argument='))
        .map((line) => line.slice('argument='.length));
      return { exitCode, stderr, environment, ...(args === undefined ? {} : { arguments: args }) };
    },
    writeCertificate(...files) {
      for (const file of files) writeFileSync(join(folder, 'certs', file), 'PEM', { mode: 0o644 });
    },
    writeClusterConfig(text) {
      const configs = join(folder, CONSTANTS.emqx_home, 'data/configs');
      mkdirSync(configs, { recursive: true });
      writeFileSync(join(configs, 'cluster.hocon'), text);
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return sandbox;
}

function readLines(file: string): string[] | undefined {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n');
  } catch {
    return undefined;
  }
}
