import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { z } from 'zod';
import { callApi, createApiKey, insertDevices } from '../devices.ts';
import { connectDevice, registerDevice, until } from '../harness.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, screenshot, signIn, startDashboard } from './dashboard.ts';
import { LOOKS, overflow } from './looks.ts';

describe.skipIf(!hasBrowser)('the page of a device', () => {
  let dashboard: DashboardStack;
  beforeAll(async () => {
    dashboard = await startDashboard();
  }, PAGES_LIMIT_MS);
  afterAll(() => dashboard?.close());

  test(
    'a device is revoked with a reason, which its timeline shows',
    async () => {
      const [id] = await insertDevices(dashboard.stack, 1, () => ({ name: 'Stolen sensor' }));
      const { page, context, complaints } = await dashboard.openSignedIn(`/devices/${id}`);
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Revoke' }).click();
      await page.getByLabel('Reason').fill('Stolen from the shed');
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
      await page.locator('h1').getByText('Revoked').waitFor();
      await page.getByRole('link', { name: 'Timeline' }).click();
      await page.getByText('Stolen from the shed').waitFor();
      await page.getByRole('button', { name: 'Show details of “Device revoked”' }).click();
      await page.getByText('Request', { exact: true }).waitFor();
      expect(complaints).toEqual([]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a replaced key is shown on the page and admits the device, and the old one no longer does',
    async () => {
      const { stack } = dashboard;
      const { uuid } = await registerDevice(stack.url);
      const admin = await createApiKey(stack, 'admin');
      const keyOf = async () => {
        const answer = await callApi(stack, admin, 'POST', `/devices/${uuid}/key`, {});
        return z.object({ key: z.string() }).parse(await answer.json()).key;
      };
      const tokenStatus = async (key: string) =>
        (
          await fetch(`${stack.url}/auth/devices/request?uuid=${uuid}`, {
            headers: { authorization: `Bearer ${key}` },
          })
        ).status;
      const old = await keyOf();
      expect(await tokenStatus(old)).toBe(200);

      const { page, context, complaints } = await dashboard.openSignedIn(`/devices/${uuid}/flash`);
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Replace the key' }).click();
      const dialog = page.locator('form[role=dialog]');
      await dialog.getByText('The key and all tokens issued so far stop working immediately.').waitFor();
      await screenshot(page, 'light-replace-key', false);
      await dialog.getByRole('button', { name: 'Replace the key' }).click();
      await dialog.waitFor({ state: 'detached' });
      const replaced = await keyOf();
      await page.getByRole('button', { name: 'Show the key' }).click();
      await page.getByText(replaced).first().waitFor();
      expect([await tokenStatus(old), await tokenStatus(replaced)]).toEqual([401, 200]);
      expect(complaints).toEqual([]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a key that was replaced is not shown any longer',
    async () => {
      const [id] = await insertDevices(dashboard.stack, 1, () => ({ name: 'Rekeyed' }));
      const { page, context } = await dashboard.openSignedIn(`/devices/${id}/flash`);
      await page.getByRole('button', { name: 'Show the key' }).click();
      await page.getByRole('button', { name: 'Copy the key' }).waitFor();
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Replace the key' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Replace the key' }).click();
      await page.getByRole('button', { name: 'Show the key' }).waitFor();
      expect(await page.getByRole('button', { name: 'Copy the key' }).count()).toBe(0);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'the audit log is exported as it is filtered',
    async () => {
      const { stack } = dashboard;
      const [id = ''] = await insertDevices(stack, 1, () => ({ name: 'Audited sensor' }));
      const admin = await createApiKey(stack, 'admin');
      expect((await callApi(stack, admin, 'POST', `/devices/${id}/revoke`)).status).toBe(200);
      const { page, context } = await dashboard.openSignedIn('/audit');
      await page.getByLabel('Kind of event').selectOption('device.');
      await page.getByRole('link', { name: 'Audited sensor' }).waitFor();
      const downloaded = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Export' }).click();
      const text = await Bun.file(await (await downloaded).path()).text();
      expect(text).toContain('device.revoked');
      expect(text).toContain(id);
      expect(text).not.toContain('session.created');
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'records of a range are deleted after the page has said which, and no others',
    async () => {
      const { stack } = dashboard;
      const device = await registerDevice(stack.url);
      const client = await connectDevice(`mqtt://127.0.0.1:${stack.broker.mqttPort}`, device);
      const now = Date.now();
      for (const minutesAgo of [30, 90]) {
        const record = JSON.stringify({ ts: now - minutesAgo * 60_000, level: minutesAgo });
        await client.publishAsync(`device/${device.uuid}/data`, record, { qos: 1 });
      }
      const stored = async () =>
        (await stack.sql`select data->>'level' as level from telemetry`).map(({ level }) => level).sort();
      await until('both records are stored', async () => (await stored()).length === 2);

      const { page, context } = await dashboard.openSignedIn(`/devices/${device.uuid}/data`);
      await page.getByRole('img', { name: /^Chart of level: last 30/ }).waitFor();
      await page.getByRole('button', { name: 'Delete records' }).click();
      await page.getByText(/^Every record measured from .+ is deleted/).waitFor();
      await page.getByText('In this range: 1 × level.').waitFor();
      await screenshot(page, 'light-delete-records', false);
      await page.getByRole('dialog').getByRole('button', { name: 'Delete records' }).click();
      await page.getByText('1 record of').waitFor();
      expect(await stored()).toEqual(['90']);
      await context.close();
      await client.endAsync(true);
    },
    PAGES_LIMIT_MS,
  );

  test(
    'where the clock is put back, the records of the hour on the screen are deleted, not those of its twin',
    async () => {
      const [id] = await insertDevices(dashboard.stack, 1, () => ({ name: 'Night shift' }));
      await dashboard.stack.sql`insert into telemetry_devices (device_id) values (${id ?? ''})`;
      // 02:15 to 02:45 in Berlin, for the second time in that night.
      const [from, to] = ['2026-10-25T01:15:00.000Z', '2026-10-25T01:45:00.000Z'];
      const { page, context } = await dashboard.openSignedIn('/', { timezoneId: 'Europe/Berlin' });
      await page.route(/telemetry\/fields/, (route) => route.fulfill({ json: { items: [LEVEL] } }));
      await page.goto(
        `${dashboard.stack.url}/devices/${id}/data?from=${Date.parse(from)}&to=${Date.parse(to)}`,
      );
      await page.getByRole('button', { name: 'Delete records' }).click();
      const dialog = page.getByRole('dialog');
      expect(await dialog.getByLabel('From').inputValue()).toBe('2026-10-25T02:15');
      await dialog.getByText('(Europe/Berlin)').waitFor();
      const deletion = page.waitForRequest((request) => request.method() === 'DELETE');
      await dialog.getByRole('button', { name: 'Delete records' }).click();
      const { searchParams } = new URL((await deletion).url());
      expect([searchParams.get('from'), searchParams.get('to')]).toEqual([from, to]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'records that are alike are each shown, and go when they are deleted',
    async () => {
      const [id] = await insertDevices(dashboard.stack, 1, () => ({ name: 'Stutterer' }));
      await dashboard.stack.sql`insert into telemetry_devices (device_id) values (${id ?? ''})`;
      const at = new Date().toISOString();
      const alike = { at, received: at, data: { level: 1 } };
      const other = { at, received: new Date(Date.parse(at) + 1).toISOString(), data: { level: 2 } };
      let records = [alike, alike, other];
      const { page, context } = await dashboard.openSignedIn('/');
      await page.route(/telemetry\/fields/, (route) => route.fulfill({ json: { items: [LEVEL] } }));
      await page.route(/telemetry\?.*limit=/, (route) =>
        route.fulfill({ json: { kind: 'records', items: records, next: null } }),
      );
      await page.goto(`${dashboard.stack.url}/devices/${id}/data`);
      await page.getByRole('button', { name: 'Records', exact: true }).click();
      const rows = page.locator('tbody tr');
      await rows.nth(2).waitFor();
      records = [other, alike];
      await until('coming back to the tab shows those that are left', async () => {
        await page.evaluate("window.dispatchEvent(new Event('visibilitychange'))");
        return (await rows.count()) === 2;
      });
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a device keeps its records for days of its own, or as the server does',
    async () => {
      const { stack } = dashboard;
      const device = await registerDevice(stack.url);
      const client = await connectDevice(`mqtt://127.0.0.1:${stack.broker.mqttPort}`, device);
      await client.publishAsync(`device/${device.uuid}/data`, '{"level":1}', { qos: 1 });
      const { page, context } = await dashboard.openSignedIn(`/devices/${device.uuid}/data`);
      const dialog = page.getByRole('dialog', { name: /^How long are records/ });
      await page.getByRole('button', { name: 'Retention' }).click();
      await dialog.getByLabel('Keep records').selectOption('own');
      await dialog.getByLabel('Days').fill('0');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await dialog.getByText('Must be a whole number from 1 to 3660.').waitFor();
      await dialog.getByLabel('Days').fill('14');
      await dialog.getByText('measured more than 14 days ago').waitFor();
      await screenshot(page, 'light-retention', false);
      await dialog.getByRole('button', { name: 'Save' }).click();
      await page.getByText('14 days', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Retention' }).click();
      await dialog.getByLabel('Keep records').selectOption('default');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await page.getByText('the default period').waitFor();
      await context.close();
      await client.endAsync(true);
    },
    PAGES_LIMIT_MS,
  );

  test(
    'names, fields and values without a place to break stay within a phone',
    async () => {
      const { stack } = dashboard;
      const device = await registerDevice(stack.url);
      const name = 'W'.repeat(100);
      await stack.sql`update devices set name = ${name}, notes = ${name} where id = ${device.uuid}`;
      const admin = await createApiKey(stack, 'admin');
      const rule = JSON.stringify({
        name,
        scope: { kind: 'device', device: device.uuid },
        condition: { kind: 'threshold', field: 'n'.repeat(120), direction: 'above', value: 1e15 },
        channels: [],
      });
      const headers = { 'content-type': 'application/json' };
      expect((await callApi(stack, admin, 'POST', '/alert-rules', { body: rule, headers })).status).toBe(201);
      const client = await connectDevice(`mqtt://127.0.0.1:${stack.broker.mqttPort}`, device);
      const record = { ['n'.repeat(120)]: 1e300, wild: -1.7e308, text: 'x'.repeat(300) };
      await client.publishAsync(`device/${device.uuid}/data`, JSON.stringify(record), { qos: 1 });
      await client.publishAsync(`device/${device.uuid}/data`, 'y'.repeat(300), { qos: 1 });

      const { page, context, complaints } = await dashboard.openSignedIn(
        `/devices/${device.uuid}/data`,
        LOOKS.phone,
      );
      const shown: [path: string, text: string][] = [
        [`/devices/${device.uuid}/data`, 'n'.repeat(120)],
        [`/devices/${device.uuid}`, 'n'.repeat(120)],
        [`/devices/${device.uuid}/timeline`, 'Connected'],
        ['/devices', name],
        ['/audit', name],
        ['/alerts', 'firing'],
        ['/alerts/rules', name],
        ['/broker', 'not json'],
      ];
      const tooWide: string[] = [];
      for (const [path, text] of shown) {
        await page.goto(`${stack.url}${path}`);
        await page.getByRole('main').getByText(text).first().waitFor();
        if ((await overflow(page)) > 0) tooWide.push(path);
      }
      expect(tooWide).toEqual([]);

      await page.goto(`${stack.url}/devices/${device.uuid}`);
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Delete' }).click();
      await page.getByRole('dialog').getByRole('heading').waitFor();
      expect(await page.evaluate(TITLE_OVERFLOW)).toBe(0);
      expect(complaints).toEqual([]);
      await context.close();
      await client.endAsync(true);
    },
    PAGES_LIMIT_MS,
  );

  test(
    'an address with a time that no calendar has shows the last hour',
    async () => {
      const [id] = await insertDevices(dashboard.stack, 1, () => ({ name: 'Timeless' }));
      await dashboard.stack.sql`insert into telemetry_devices (device_id) values (${id ?? ''})`;
      const { page, context } = await dashboard.openSignedIn('/');
      await page.route(/telemetry\/fields/, (route) => route.fulfill({ json: { items: [LEVEL] } }));
      await page.goto(`${dashboard.stack.url}/devices/${id}/data?from=1&to=99999999999999999`);
      await page.getByRole('button', { name: '1 h', pressed: true }).waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a viewer who opens the address of a key is told that it takes an administrator',
    async () => {
      const { stack } = dashboard;
      const [id] = await insertDevices(stack, 1, () => ({ name: 'Locked' }));
      const admin = await createApiKey(stack, 'admin');
      const viewer = { username: 'onlooker', password: 'sees and does not touch' };
      const body = JSON.stringify({ ...viewer, role: 'viewer' });
      const headers = { 'content-type': 'application/json' };
      expect((await callApi(stack, admin, 'POST', '/operators', { body, headers })).status).toBe(201);
      const { page, context } = await dashboard.open(`/devices/${id}/flash`);
      await signIn(page, viewer);
      await page.getByText('Requires an administrator').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'on a phone the navigation closes when it leads to the page that is shown',
    async () => {
      const { page, context } = await dashboard.openSignedIn('/devices?q=none', LOOKS.phone);
      await page.getByText('No device matches').waitFor();
      await page.getByRole('button', { name: 'Open navigation' }).click();
      const drawer = page.getByRole('dialog', { name: 'Navigation' });
      await drawer.getByRole('link', { name: 'Devices' }).click();
      await drawer.waitFor({ state: 'detached' });
      expect(new URL(page.url()).search).toBe('');
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a UUID that two devices use is flagged',
    async () => {
      const { stack } = dashboard;
      const [id] = await insertDevices(stack, 1, () => ({ name: 'Twin' }));
      for (let at = 1; at <= 3; at++) {
        await stack.sql`insert into device_sessions (device_id, connected_at, disconnected_at, reason)
          values (${id ?? ''}, now() - make_interval(secs => ${at * 20}), now() - make_interval(secs => ${at * 20 - 10}), 'takenover')`;
      }
      const { page, context } = await dashboard.openSignedIn(`/devices/${id}`);
      await page.locator('h1').getByText('Client id conflict').waitFor();
      await page.getByText('two devices may have it').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );
});

const LEVEL = { name: 'level', kind: 'number', unit: null, quantity: null };

const TITLE_OVERFLOW = `(() => {
  const { scrollWidth, clientWidth } = document.querySelector('[role=dialog] h2');
  return scrollWidth - clientWidth;
})()`;
