import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fileURLToPath } from 'node:url';
import { deviceUuid } from '../contract/uuid.ts';
import { fleetIdentities } from '../dev/fleet/identity.ts';
import { startChild } from './child.ts';
import { AGENT_SECRET, MASTER_SECRET, type Stack, startStack, until } from './harness.ts';
import { ADMIN_ENV, addApiKey, logIn } from './operators.ts';
import { reservePort } from './ports.ts';

const FLEET = fileURLToPath(new URL('../dev/fleet/main.ts', import.meta.url));
const SECRETS = { DEVICE_AGENT_SECRET_KEY: AGENT_SECRET, DEVICE_MASTER_SECRET_KEY: MASTER_SECRET };

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ env: { ...ADMIN_ENV, RATE_LIMIT_ADDRESS: '100000' } });
}, 60_000);
afterAll(() => stack.close());

function startFleet(args: readonly string[], env: Readonly<Record<string, string>> = SECRETS) {
  return startChild([process.execPath, '--no-env-file', FLEET, ...args], {
    DATA_DIR: '/nonexistent',
    ...env,
  });
}

/** Records in the table of the devices of a seed, and how many of them are different ones. */
async function storedRecords(seed: string, devices: number, masters: number) {
  const uuids = fleetIdentities(seed, devices, masters).map(({ uuid }) => uuid);
  const [row] = await stack.sql<{ rows: number; different: number; devices: number }[]>`
    select count(*)::int as rows, count(distinct (device, data->>'b', data->>'n'))::int as different,
      count(distinct device)::int as devices
    from telemetry join telemetry_devices on key = device where device_id = any(${uuids})`;
  return row;
}

describe('the fleet', () => {
  test('has every acknowledged record in the table exactly once, with links cut and devices restarted', async () => {
    const flags = ['--server', stack.url, '--devices', '20', '--masters', '2', '--rate', '5', '--seed', 'a'];
    const more = ['--duration', '6s', '--lossy', '600', '--churn', '100', '--json'];
    const child = startFleet([...flags, ...more]);
    expect(await child.exited).toBe(0);
    const report = JSON.parse(child.output());
    expect(report).toMatchObject({ devices: 20, masters: 2, paired: 0, commands: expect.any(Number) });
    expect(report.records.acknowledged).toBeGreaterThan(0);
    expect(report.cuts).toBeGreaterThan(0);
    expect(report.records.waiting).toBe(0);
    expect(report.records.acknowledged + report.records.abandoned).toBe(report.records.sent);
    const stored = await storedRecords('a', 20, 2);
    expect(stored?.rows).toBe(stored?.different ?? -1);
    expect(stored?.rows).toBeGreaterThanOrEqual(report.records.acknowledged);
    expect(stored?.rows).toBeLessThanOrEqual(report.records.sent);
  }, 60_000);

  test('pairs its agents with its masters by an API key', async () => {
    const { key } = await addApiKey(await logIn(stack), { name: 'fleet', role: 'admin' });
    const flags = ['--server', stack.url, '--devices', '6', '--masters', '2', '--seed', 'pairs'];
    const child = startFleet([...flags, '--api-key', key, '--json']);
    const uuids = fleetIdentities('pairs', 6, 2).map(({ uuid }) => uuid);
    await until('four agents are paired', async () => {
      const rows =
        await stack.sql`select id from devices where id = any(${uuids}) and master_id = any(${uuids})`;
      return rows.length === 4;
    });
    child.signal('SIGINT');
    expect(await child.exited).toBe(0);
    expect(JSON.parse(child.output())).toMatchObject({ devices: 6, masters: 2, errors: {} });
    expect(child.output()).not.toContain(key);
  }, 60_000);

  test('leaves with 0 and a report on Ctrl-C', async () => {
    const child = startFleet(['--server', stack.url, '--devices', '2', '--seed', 'b']);
    await child.prints(/2 devices/);
    child.signal('SIGINT');
    expect(await child.exited).toBe(0);
    expect(child.output()).toContain('connected');
  }, 60_000);

  test('ends with 1 after its report when no device has connected all the time', async () => {
    const closed = `http://127.0.0.1:${reservePort()}`;
    const child = startFleet(['--server', closed, '--devices', '2', '--duration', '1s']);
    expect(await child.exited).toBe(1);
    expect(child.output()).toContain('connected  0 of 2');
    expect(child.output()).toContain(`no device has connected to ${closed}`);
  }, 60_000);

  test('gives a seed the same valid UUIDs in every run, whatever its size', () => {
    const few = fleetIdentities('a', 3, 1).map(({ uuid }) => uuid);
    const many = fleetIdentities('a', 1_000, 1).map(({ uuid }) => uuid);
    expect(many.slice(0, 3)).toEqual(few);
    expect(new Set(many).size).toBe(1_000);
    for (const uuid of many) expect(deviceUuid.parse(uuid)).toBe(uuid);
    expect(fleetIdentities('b', 1, 0)[0]?.uuid).not.toBe(fleetIdentities('a', 1, 0)[0]?.uuid);
  });

  test.each<[readonly string[], RegExp]>([
    [['--devices', '0'], /^--devices must be a whole number from 1 to 10000\n$/],
    [['--devices', '2', '--masters', '3'], /^--masters must be a whole number from 0 to 2\n$/],
    [['--rate', '-1'], /^--rate must be a number/],
    [['--duration', '30'], /^--duration must be a time of at most 24h such as 30s, 5m or 1h\n$/],
    [['--duration', '0s'], /^--duration must be a time/],
    [['--churn', 'often'], /^--churn must be a number/],
    [['--server', 'ftp://127.0.0.1'], /^--server must be a URL/],
    [['--colour', 'red'], /--colour/],
    [[], /--secret.*SECRET_KEY/],
  ])(
    'ends with 1 and one sentence: %j',
    async (args, message) => {
      const child = startFleet(args, {});
      expect(await child.exited).toBe(1);
      expect(child.output()).toMatch(message);
      expect(child.output()).not.toMatch(/^ +at /m);
    },
    60_000,
  );
});
