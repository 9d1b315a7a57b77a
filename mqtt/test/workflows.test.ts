import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { readText, repository } from './repository.ts';

setDefaultTimeout(30_000);

const step = z.looseObject({
  name: z.string().optional(),
  uses: z.string().optional(),
  run: z.string().optional(),
});
const service = z.looseObject({ image: z.string() });
const calledJob = z.strictObject({ uses: z.string(), needs: z.string().optional() });
const ownJob = z.looseObject({
  'runs-on': z.string(),
  'timeout-minutes': z.number(),
  services: z.record(z.string(), service).optional(),
  steps: z.array(step).min(1),
});
const workflow = z.looseObject({
  name: z.string(),
  // YAML 1.1 would read this key as true.
  on: z.record(z.string(), z.unknown()),
  permissions: z.record(z.string(), z.enum(['read', 'none'])),
  concurrency: z.looseObject({ group: z.string() }),
  jobs: z.record(z.string(), z.union([calledJob, ownJob])),
});

const folder = '.github/workflows';
const files = readdirSync(join(repository, folder));

async function readWorkflow(file: string) {
  const text = await readText(`${folder}/${file}`);
  const parsed = workflow.parse(Bun.YAML.parse(text));
  const jobs = Object.values(parsed.jobs);
  const steps = jobs.flatMap((job) => ('steps' in job ? job.steps : []));
  return { text, parsed, jobs, steps };
}

describe.each(files)('%s', (file) => {
  test('is a workflow that only reads unless a job asks for more, with a time limit on every job', async () => {
    const { parsed } = await readWorkflow(file);
    expect(parsed.permissions).toEqual({ contents: 'read' });
  });

  test('pins every action by its commit, with the version beside it', async () => {
    const { text, steps, jobs } = await readWorkflow(file);
    const remote = steps.flatMap(({ uses }) => uses ?? []);
    for (const uses of remote) expect(uses).toMatch(/^[\w-]+\/[\w./-]+@[0-9a-f]{40}$/);
    const pins = [...text.matchAll(/uses: [^.\s][^\s]*@(\S+)(?: # (v\d+\.\d+\.\d+))?$/gm)];
    expect(pins.map(([, , version]) => version)).toEqual(remote.map(() => expect.any(String)));
    for (const job of jobs) {
      if (!('steps' in job)) expect(existsSync(join(repository, job.uses))).toBe(true);
    }
  });

  test('runs what a shell can parse, and puts nothing that a stranger can name into it', async () => {
    const { steps } = await readWorkflow(file);
    for (const { run } of steps) {
      if (run === undefined) continue;
      const shell = Bun.spawnSync(['bash', '-n', '-c', run.replaceAll(/\$\{\{[^}]*\}\}/g, 'x')]);
      expect(shell.stderr.toString()).toBe('');
      expect(run).not.toMatch(/\$\{\{[^}]*(github\.(event|head_ref|ref_name)|inputs)/);
    }
  });

  test('names only files that exist', async () => {
    const { steps } = await readWorkflow(file);
    const named = steps.flatMap(({ run = '' }) => [
      ...run.matchAll(/(?<=^|[\s='"])((?:\.ci|server|mqtt|arduino_client)\/[\w./-]+)/g),
    ]);
    for (const [, path = ''] of named)
      expect(existsSync(join(repository, path.replace(/\/\*.*$/, '')))).toBe(true);
  });
});

describe('CI', () => {
  test('runs the contract suite on the EMQX of the image', async () => {
    const { parsed } = await readWorkflow('ci.yml');
    const [, from = ''] = /^FROM (\S+)$/m.exec(await readText('mqtt/Dockerfile')) ?? [];
    const job = ownJob.parse(parsed.jobs.contract);
    expect(job.services?.emqx?.image).toBe(from);
    expect(job.steps.at(-1)?.run).toContain('mqtt/dev-broker/test/contract');
  });

  test('builds both images, starts them and has a device connected', async () => {
    const { parsed } = await readWorkflow('ci.yml');
    const runs = ownJob.parse(parsed.jobs.compose).steps.map(({ run = '' }) => run);
    for (const command of ['compose build', 'compose up', 'bun run doctor', 'bun run device']) {
      expect(runs.filter((run) => run.includes(command))).toHaveLength(1);
    }
  });

  test('gives compose every setting that has no default', async () => {
    const { parsed } = await readWorkflow('ci.yml');
    const [settings = ''] = ownJob
      .parse(parsed.jobs.compose)
      .steps.flatMap(({ run = '' }) => (run.includes('.env <<') ? run : []));
    const required = [...(await readText('docker-compose.yml')).matchAll(/\$\{(\w+):\?/g)].map(
      ([, name]) => name,
    );
    expect(required.length).toBeGreaterThan(5);
    for (const name of required) expect(settings).toContain(`${name}=`);
  });
});

describe('a release', () => {
  /** The step of this name, run by a shell in a copy of nothing but what it reads. */
  async function compare(tag: string, changelog: string) {
    const { steps } = await readWorkflow('release.yml');
    const run =
      steps.find(({ name }) => name === 'Compare the tag with the version and the changelog')?.run ?? '';
    const at = mkdtempSync(join(tmpdir(), 'release-'));
    try {
      writeFileSync(join(at, 'package.json'), JSON.stringify({ version: '1.2.3' }));
      writeFileSync(join(at, 'CHANGELOG.md'), changelog);
      // Stands in for jq, which the runner has and this machine may not.
      writeFileSync(
        join(at, 'jq'),
        '#!/bin/sh\nsed -n \'s/.*"version":"\\([^"]*\\)".*/\\1/p\' package.json\n',
        {
          mode: 0o755,
        },
      );
      const shell = Bun.spawnSync(['bash', '-e', '-c', run], {
        cwd: at,
        env: {
          PATH: `${at}:${process.env.PATH}`,
          GITHUB_REF_NAME: tag,
          GITHUB_ENV: join(at, 'env'),
          RUNNER_TEMP: at,
          IMAGE: 'ghcr.io/Some/Repo',
        },
      });
      const written = async (name: string) => {
        const file = Bun.file(join(at, name));
        return (await file.exists()) ? await file.text() : '';
      };
      return { exitCode: shell.exitCode, notes: await written('notes.md'), env: await written('env') };
    } finally {
      rmSync(at, { recursive: true });
    }
  }
  const CHANGELOG =
    '# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-01\n\n- this\n\n## [1.2.2]\n\n- that\n';

  test('takes its notes from the section of its version', async () => {
    const { exitCode, notes, env } = await compare('v1.2.3', CHANGELOG);
    expect(exitCode).toBe(0);
    expect(notes.trim()).toBe('- this');
    expect(env).toBe('VERSION=1.2.3\nREPOSITORY_IMAGE=ghcr.io/some/repo\n');
  });

  test('is refused when its tag is not the version, or the changelog does not know it', async () => {
    expect((await compare('v1.2.4', CHANGELOG)).exitCode).not.toBe(0);
    expect((await compare('v1.2.3', '# Changelog\n\n## [Unreleased]\n')).exitCode).not.toBe(0);
  });

  test('is only made when all of CI has passed', async () => {
    const { parsed } = await readWorkflow('release.yml');
    expect(parsed.jobs).toMatchObject({
      check: { uses: './.github/workflows/ci.yml' },
      publish: { needs: 'check' },
    });
  });
});

test('Dependabot watches the folder of every Dockerfile, and stays below EMQX 5.9', async () => {
  const update = z.looseObject({
    'package-ecosystem': z.string(),
    directory: z.string().optional(),
    directories: z.array(z.string()).optional(),
    schedule: z.object({ interval: z.enum(['daily', 'weekly', 'monthly']) }),
    ignore: z
      .array(z.looseObject({ 'dependency-name': z.string(), versions: z.array(z.string()).optional() }))
      .optional(),
  });
  const { updates } = z
    .object({ version: z.literal(2), updates: z.array(update) })
    .parse(Bun.YAML.parse(await readText('.github/dependabot.yml')));
  const docker = updates.find((each) => each['package-ecosystem'] === 'docker');
  const dockerfiles = ['server/Dockerfile', 'mqtt/Dockerfile'].map((path) => `/${dirname(path)}`);
  expect(docker?.directories?.toSorted()).toEqual(dockerfiles.toSorted());
  expect(docker?.ignore).toContainEqual({ 'dependency-name': 'emqx/emqx', versions: ['>=5.9.0'] });
  expect(updates.map((each) => each['package-ecosystem'])).toContain('github-actions');
});

test('issue forms ask for something and have an id for each field', async () => {
  const field = z.looseObject({
    type: z.enum(['markdown', 'textarea', 'input', 'dropdown']),
    id: z.string().optional(),
  });
  const form = z.object({
    name: z.string(),
    description: z.string(),
    labels: z.array(z.string()),
    body: z.array(field).min(1),
  });
  const names = readdirSync(join(repository, '.github/ISSUE_TEMPLATE')).filter(
    (name) => name !== 'config.yml',
  );
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    const { body } = form.parse(Bun.YAML.parse(await readText(`.github/ISSUE_TEMPLATE/${name}`)));
    const ids = body.filter(({ type }) => type !== 'markdown').map(({ id }) => id);
    expect(ids).toEqual(ids.map(() => expect.any(String)));
    expect(new Set(ids).size).toBe(ids.length);
  }
  expect(await readText('.github/pull_request_template.md')).toContain('npx -y bun run test');
});

test('the development container has the Node of the check and forwards the ports of the stack', async () => {
  const container = z
    .looseObject({ image: z.string(), postCreateCommand: z.string(), forwardPorts: z.array(z.number()) })
    .parse(JSON.parse(await readText('.devcontainer/devcontainer.json')));
  const { parsed } = await readWorkflow('ci.yml');
  const { container: check } = z.looseObject({ container: z.string() }).parse(parsed.jobs.check);
  expect(container.image).toEndWith(check.slice('node'.length));
  expect(container.forwardPorts).toEqual([3000, 1883]);
  expect(container.postCreateCommand).toContain('bun install --frozen-lockfile');
});
