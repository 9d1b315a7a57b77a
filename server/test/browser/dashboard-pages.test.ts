import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { MqttClient } from 'mqtt';
import { z } from 'zod';
import { insertDevices } from '../devices.ts';
import { connectDevice, registerDevice, until } from '../harness.ts';
import { ADMIN } from '../operators.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, screenshot, startDashboard } from './dashboard.ts';
import { axeFindings, findingsOf, LOOKS, type Shown, tabTo, WCAG } from './looks.ts';

const FIRST_LOAD_LIMIT_BYTES = 250_000;

let dashboard: DashboardStack;
let agent = '';
let master = '';
const clients: MqttClient[] = [];

const PAGES: readonly Shown[] = [
  { name: 'overview', path: () => '/', ready: (page) => page.getByText('of 36 active').waitFor() },
  { name: 'devices', path: () => '/devices', ready: (page) => page.locator('tbody a').first().waitFor() },
  {
    name: 'devices-none',
    path: () => '/devices?q=nothing',
    ready: (page) => page.getByText('No device matches').waitFor(),
  },
  { name: 'add-device', path: () => '/devices/new', ready: (page) => page.getByLabel('Name').waitFor() },
  {
    name: 'device',
    path: () => `/devices/${agent}`,
    ready: (page) => page.getByText('Paired with').waitFor(),
  },
  { name: 'master', path: () => `/devices/${master}`, ready: (page) => page.getByText('Agents (').waitFor() },
  {
    name: 'device-key',
    path: () => `/devices/${agent}/flash`,
    ready: async (page) => {
      await page.getByRole('button', { name: 'Show the key' }).click();
      await page.locator('.qr').waitFor();
    },
  },
  {
    name: 'device-data',
    path: () => `/devices/${agent}/data`,
    ready: (page) => page.getByRole('img', { name: /^Chart of temperature: last/ }).waitFor(),
  },
  {
    name: 'device-data-table',
    path: () => `/devices/${agent}/data`,
    ready: async (page) => {
      await page.getByRole('button', { name: 'Table' }).click();
      await page.getByRole('region', { name: 'Figures of temperature' }).waitFor();
    },
  },
  {
    name: 'device-records',
    path: () => `/devices/${agent}/data`,
    ready: async (page) => {
      await page.getByRole('button', { name: 'Records', exact: true }).click();
      await page.getByText('"temperature"').first().waitFor();
    },
  },
  {
    name: 'device-commands',
    path: () => `/devices/${agent}/commands`,
    ready: (page) => page.getByText('"relative humidity"').waitFor(),
  },
  {
    name: 'device-timeline',
    path: () => `/devices/${agent}/timeline`,
    ready: (page) => page.getByText('Another connection with the same client id').first().waitFor(),
  },
  { name: 'approvals', path: () => '/approvals', ready: (page) => page.locator('tbody a').first().waitFor() },
  { name: 'audit', path: () => '/audit', ready: (page) => page.locator('.events > li').first().waitFor() },
  { name: 'broker', path: () => '/broker', ready: (page) => page.getByText('Nothing to do.').waitFor() },
  {
    name: 'operators',
    path: () => '/operators',
    ready: (page) => page.locator('tbody tr').first().waitFor(),
  },
  { name: 'api-keys', path: () => '/api-keys', ready: (page) => page.getByText('No API keys').waitFor() },
  { name: 'account', path: () => '/account', ready: (page) => page.getByText('this one').waitFor() },
  {
    name: 'not-found',
    path: () => '/nothing/here',
    ready: (page) => page.getByText('No page has this address').waitFor(),
  },
];

describe.skipIf(!hasBrowser)('every page of the dashboard', () => {
  beforeAll(async () => {
    dashboard = await startDashboard();
    const { stack } = dashboard;
    const registered = await registerDevice(stack.url, 'master');
    const sensor = await registerDevice(stack.url, 'agent');
    master = registered.uuid;
    agent = sensor.uuid;
    await stack.sql`update devices set name = 'North wing controller', tags = '{north}' where id = ${master}`;
    await stack.sql`update devices set name = 'Greenhouse 1, north wall', tags = '{north,humidity}', master_id = ${master},
      notes = 'Behind the second pillar.' where id = ${agent}`;
    const ids = await insertDevices(stack, 40, (at) => ({
      name: `Sensor ${at}`,
      ...(at < 5 ? { master } : {}),
    }));
    await stack.sql`update devices set state = 'revoked' where id = any(${ids.slice(10, 13)}::uuid[])`;
    await stack.sql`update devices set state = 'pending' where id = any(${ids.slice(20, 23)}::uuid[])`;
    for (const device of [registered, sensor]) {
      clients.push(await connectDevice(`mqtt://127.0.0.1:${stack.broker.mqttPort}`, device));
    }
    await Promise.all([insertCommands(stack, agent), insertSessions(stack, agent)]);
    await clients[1]?.publishAsync(`device/${agent}/about`, JSON.stringify(ABOUT), { qos: 1 });
    await publishHour(clients[1], agent);
    await until('the records are stored', async () => {
      const [row] = await stack.sql`select count(*)::int as stored from telemetry`;
      return row?.stored === RECORDS;
    });
  }, PAGES_LIMIT_MS);
  afterAll(async () => {
    for (const client of clients) await client.endAsync(true);
    await dashboard?.close();
  });

  test.each(Object.keys(LOOKS))(
    'meets WCAG 2.2 AA by axe and breaks no policy, %s',
    async (look) => {
      const opened = await dashboard.open('/', LOOKS[look]);
      const { page, context, complaints } = opened;
      await page.getByLabel('User name').waitFor();
      const findings: string[] = (await axeFindings(page)).map((finding) => `sign-in: ${finding}`);
      await screenshot(page, `${look}-sign-in`);
      await page.getByLabel('User name').fill(ADMIN.username);
      await page.getByLabel('Password').fill(ADMIN.password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.locator('#main').waitFor();
      findings.push(...(await findingsOf(page, dashboard.stack.url, PAGES, look)));
      expect(findings).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'dialogs and menus meet WCAG 2.2 AA by axe',
    async () => {
      const { page, context } = await dashboard.openSignedIn(`/devices/${agent}`);
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Revoke' }).waitFor();
      expect(await axeFindings(page, WCAG)).toEqual([]);
      await screenshot(page, 'light-menu', false);
      await page.getByRole('menuitem', { name: 'Revoke' }).click();
      await page.getByRole('dialog').waitFor();
      await page.getByRole('menu').waitFor({ state: 'detached' });
      expect(await axeFindings(page, WCAG)).toEqual([]);
      await screenshot(page, 'light-confirm', false);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Edit' }).click();
      await page.getByRole('dialog').getByLabel('Name').waitFor();
      expect(await axeFindings(page, WCAG)).toEqual([]);
      await screenshot(page, 'light-edit', false);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'the first load, signed in, is below 250 KB',
    async () => {
      const { page, context } = await dashboard.open('/');
      await page.getByLabel('User name').fill(ADMIN.username);
      await page.getByLabel('Password').fill(ADMIN.password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('of 36 active').waitFor();
      const bytes = z
        .number()
        .parse(
          await page.evaluate(
            "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation')).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)",
          ),
        );
      expect(bytes).toBeGreaterThan(50_000);
      expect(bytes).toBeLessThan(FIRST_LOAD_LIMIT_BYTES);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a phone reaches every page through the navigation',
    async () => {
      const { page, context } = await dashboard.openSignedIn('/', LOOKS.phone);
      await page.getByRole('button', { name: 'Open navigation' }).tap();
      await page.getByRole('dialog', { name: 'Navigation' }).waitFor();
      await page.getByRole('link', { name: 'Devices' }).tap();
      await page.getByRole('heading', { name: 'Devices', level: 1 }).waitFor();
      await page.getByRole('dialog', { name: 'Navigation' }).waitFor({ state: 'detached' });
      await page.getByRole('link', { name: 'Greenhouse 1, north wall' }).tap();
      await page.getByRole('heading', { name: /^Greenhouse 1/, level: 1 }).waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'keyboard alone signs in, finds a device, and revokes and restores it',
    async () => {
      const { page, context } = await dashboard.open('/devices');
      const press = async (...keys: string[]) => {
        for (const key of keys) await page.keyboard.press(key);
      };
      await page.getByLabel('User name').waitFor();
      await page.keyboard.type(ADMIN.username);
      await press('Tab');
      await page.keyboard.type(ADMIN.password);
      await press('Enter');
      await page.locator('tbody a').first().waitFor();
      await press('/');
      await page.keyboard.type('Sensor 39');
      await page.getByText('1 device match').waitFor();
      await tabTo(page, 'Sensor 39');
      await press('Enter');
      await page.getByRole('heading', { name: /^Sensor 39/, level: 1 }).waitFor();
      await tabTo(page, 'More actions');
      await press('Enter');
      await page.getByRole('menuitem', { name: 'Revoke' }).waitFor();
      await page.keyboard.type('Rev');
      await press('Enter');
      await page.locator('form[role=dialog]').waitFor();
      await tabTo(page, 'Revoke');
      await press('Enter');
      await page.locator('h1').getByText('Revoked').waitFor();
      // The toast that reports it is a dialog as well, by role.
      await page.locator('form[role=dialog]').waitFor({ state: 'detached' });
      await tabTo(page, 'Restore');
      await press('Enter');
      await page.getByRole('heading', { name: 'Restore Sensor 39?' }).waitFor();
      await tabTo(page, 'Restore');
      await press('Enter');
      await page.locator('h1').getByText('Never connected').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );
});

const ABOUT = {
  fw: '1.4.0',
  board: 'esp8266',
  reset: 'power on',
  f: { temperature: { u: '°C' }, humidity: { u: '%' } },
  cmd: { LED: { on: 'bool', level: 'uint8' }, READ: {} },
};

/** A command in each state, as they are after a while. */
async function insertCommands({ sql }: DashboardStack['stack'], id: string): Promise<void> {
  const commands = [
    ['cancelled', 'REBOOT', null, null],
    ['expired', 'OPEN', null, null],
    ['failed', 'LED', null, 'the lamp is not connected'],
    ['done', 'READ', '{"quantity":"relative humidity","value":54.2}', null],
    ['queued', 'CALIBRATE', null, null],
  ] as const;
  for (const [state, name, result, error] of commands) {
    const isOpen = state === 'queued';
    const answered = state === 'done' || state === 'failed';
    await sql`
      insert into commands (id, device_id, name, payload, request_hash, created_by, state, result, error, expires_at, created_at,
        attempts, sent_at, replied_at, finished_at, replies)
      values (${name}, ${id}, ${name}, ${JSON.stringify({ c: name, i: name, a: { slot: 2 } })}, '', 'admin', ${state}, ${result}, ${error},
        now() + interval '1 day', now() - interval '5 minutes', ${answered ? 1 : 0},
        ${answered ? sql`now() - interval '5 minutes'` : null}, ${answered ? sql`now() - interval '4 minutes'` : null},
        ${isOpen ? null : sql`now() - interval '4 minutes'`}, ${answered ? 1 : 0})`;
  }
}

/** Ten days of sessions, one of them taken over and one cut off. */
async function insertSessions({ sql }: DashboardStack['stack'], id: string): Promise<void> {
  for (const [from, to, reason] of [
    [240, 190, 'tcp_closed'],
    [188, 100, 'takenover'],
    [100, 60, 'keepalive_timeout'],
    [52, 1, 'kicked'],
  ] as const) {
    await sql`
      insert into device_sessions (device_id, connected_at, disconnected_at, reason, address, keep_alive, noted_at)
      values (${id}, now() - make_interval(hours => ${from}), now() - make_interval(hours => ${to}), ${reason}, '192.0.2.17', 60,
        now() - make_interval(hours => ${from}))`;
  }
}

const RECORDS = 120;

/** An hour of plausible records, half a minute apart, with a spike and a gap. */
async function publishHour(client: MqttClient | undefined, id: string): Promise<void> {
  const now = Date.now();
  for (let at = 0; at < RECORDS; at++) {
    const ts = now - (RECORDS - at) * 28_000 - (at < 40 ? 240_000 : 0);
    const record = {
      ts,
      temperature: 21 + 2.4 * Math.sin(at / 14) + (at === 77 ? 6 : 0),
      humidity: 55 - 6 * Math.sin(at / 17),
      door: at % 30 === 0 ? 'open' : 'closed',
    };
    await client?.publishAsync(`device/${id}/data`, JSON.stringify(record), { qos: 1 });
  }
}
