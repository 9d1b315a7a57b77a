import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from './repository.ts';

export interface Service {
  image?: string;
  build?: { context: string; dockerfile?: string };
  environment: Record<string, string | null>;
  ports?: { published: number | string; target: number }[];
  networks: Record<string, unknown>;
  volumes?: string[];
  [key: string]: unknown;
}

export interface Project {
  services: Record<'db' | 'mqtt' | 'server', Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
}

export const hasCompose = Bun.which('docker-compose') !== null;

/** What docker-compose makes of the files with the given `.env`. */
export async function compose(settings: Record<string, string>, files = ['docker-compose.yml']) {
  const folder = mkdtempSync(join(tmpdir(), 'compose-'));
  try {
    // An .env of the working copy or a variable of this process must not fill a gap.
    const envFile = join(folder, 'env');
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(envFile, lines.join(''));
    const child = Bun.spawn(
      ['docker-compose', '--env-file', envFile, ...files.flatMap((file) => ['-f', file]), 'config'],
      {
        cwd: repository,
        env: { PATH: process.env.PATH ?? '', HOME: folder },
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      },
    );
    const [exitCode, stdout, stderr] = await Promise.all([
      child.exited,
      child.stdout.text(),
      child.stderr.text(),
    ]);
    return { exitCode, stderr, project: Bun.YAML.parse(stdout) as Project };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
