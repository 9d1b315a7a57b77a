import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { demoDevices } from '../dev/demo/cast.ts';
import { type Child, startChild } from './child.ts';
import { until } from './harness.ts';

const MAIN = fileURLToPath(new URL('../dev/main.ts', import.meta.url));
const DAY_MS = 86_400_000;
const LIMIT_MS = 180_000;

const device = z.object({
  id: z.string(),
  name: z.string(),
  role: z.string(),
  state: z.string(),
  master: z.string().nullable(),
});
const page = z.object({ items: z.array(z.record(z.string(), z.unknown())) });

let folder: string;
const children: Child[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dev-demo-'));
});
afterAll(async () => {
  for (const child of children) await child.end();
  await rm(folder, { recursive: true, force: true });
});

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const ports = { PORT: '0', MQTT_PORT: '0', EMQX_API_PORT: '0' };
  const child = startChild([process.execPath, '--no-env-file', MAIN, ...args], { ...ports, ...env }, folder);
  children.push(child);
  return child;
}

/** A running demo and its API, with the printed administrator logged in. */
async function startDemo() {
  const child = start(['--demo']);
  await child.prints(/^ready$/m);
  const [, url = '', username = '', password = ''] =
    /dashboard +(http:\S+)\n +sign in +(\S+) \/ (\S+)/.exec(child.output()) ?? [];
  const login = await fetch(`${url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify({ username, password }),
  });
  const cookie = login.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  return {
    child,
    async get(path: string): Promise<unknown> {
      const answer = await fetch(`${url}/api/v1${path}`, { headers: { cookie } });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return await answer.json();
    },
    async stop() {
      child.signal('SIGINT');
      expect(await child.exited).toBe(0);
    },
  };
}

type RunningDemo = Awaited<ReturnType<typeof startDemo>>;

async function devicesOf(demo: RunningDemo) {
  return z.object({ items: z.array(device) }).parse(await demo.get('/devices?limit=50')).items;
}

describe('bun run dev --demo', () => {
  test(
    'starts twelve devices with a week of history in a folder of its own; a second start continues it',
    async () => {
      const first = await startDemo();
      // The address comes before everything else that is announced.
      expect(first.child.output()).toMatch(/\n\n {2}dashboard +http:\S+\n {2}sign in +admin \/ \S+/);
      expect(await readdir(folder)).toEqual(['.data-demo']);
      expect(first.child.output()).toContain(join(folder, '.data-demo'));
      const devices = await devicesOf(first);
      expect(devices.map(({ id }) => id).toSorted()).toEqual(
        demoDevices()
          .map(({ uuid }) => uuid)
          .toSorted(),
      );
      const states = Object.groupBy(devices, ({ state }) => state);
      expect([states.active?.length, states.pending?.length, states.revoked?.length]).toEqual([10, 1, 1]);
      expect(devices.filter(({ master }) => master !== null)).toHaveLength(7);

      const tomato = devices.find(({ name }) => name === 'Tomato bed')?.id ?? '';
      const history = await temperatures(first, tomato);
      const stored = history.length;
      // A record every two minutes but for short breaks.
      expect(stored).toBeGreaterThan(4_500);
      expect(history[0]).toBeLessThan(Date.now() - 6.9 * DAY_MS);
      expect(page.parse(await first.get(`/devices/${tomato}/commands`)).items).toHaveLength(5);
      const live = Date.now();
      await until(
        'records arrive live',
        async () => ((await temperatures(first, tomato)).at(-1) ?? 0) > live,
        60_000,
      );
      // Devices keep their records until they are stored, the one with bad Wi-Fi too.
      const ingest = z.object({ account: z.object({ stored: z.number(), lost: z.number() }) });
      const { account } = ingest.parse(await first.get('/telemetry/ingest'));
      expect(account.stored).toBeGreaterThan(40_000);
      expect(account.lost).toBe(0);
      await first.stop();

      const second = await startDemo();
      expect(await devicesOf(second)).toHaveLength(12);
      const continued = await temperatures(second, tomato);
      expect(new Set(continued).size).toBe(continued.length);
      // Minutes have passed, not a week.
      expect(continued.length - stored).toBeLessThan(200);
      expect(continued.slice(0, stored)).toEqual(history);
      expect(page.parse(await second.get(`/devices/${tomato}/commands`)).items).toHaveLength(5);
      await second.stop();
    },
    LIMIT_MS,
  );

  test(
    'refuses a database with devices that are not of the demo',
    async () => {
      const dataDir = join(folder, 'mine');
      const own = start([], { DATA_DIR: dataDir });
      // Printing its lines registers a device.
      await own.prints(/^ready$/m);
      own.signal('SIGINT');
      expect(await own.exited).toBe(0);
      const demo = start(['--demo'], { DATA_DIR: dataDir });
      expect(await demo.exited).toBe(1);
      expect(demo.output()).toContain('The database holds devices that are not of the demo');
      expect(demo.output()).not.toMatch(/^ +at /m);
    },
    LIMIT_MS,
  );

  test.each([[['--dmeo']], [['demo']], [['--demo=yes']]])(
    '%j is refused, naming the flags that exist',
    async (args) => {
      const child = start(args);
      expect(await child.exited).toBe(1);
      expect(child.output().trim()).toBe(
        `Unknown arguments: ${args.join(' ')}. There are --demo and --help.`,
      );
    },
    LIMIT_MS,
  );

  test(
    '--help names the flags and starts nothing',
    async () => {
      const child = start(['--help']);
      expect(await child.exited).toBe(0);
      expect(child.output()).toContain('--demo');
      expect(child.output()).not.toContain('ready');
    },
    LIMIT_MS,
  );
});

/** Times of the records of a device, oldest first. */
async function temperatures(demo: RunningDemo, id: string): Promise<number[]> {
  const times: number[] = [];
  const from = new Date(Date.now() - 8 * DAY_MS).toISOString();
  const to = new Date(Date.now() + DAY_MS).toISOString();
  const answer = z.object({ items: z.array(z.object({ at: z.string() })), next: z.string().nullish() });
  let cursor = '';
  do {
    const path = `/devices/${id}/telemetry?from=${from}&to=${to}&limit=1000${cursor}`;
    const { items, next } = answer.parse(await demo.get(path));
    times.push(...items.map(({ at }) => Date.parse(at)));
    cursor = next ? `&cursor=${encodeURIComponent(next)}` : '';
  } while (cursor);
  return times.toSorted((one, other) => one - other);
}
