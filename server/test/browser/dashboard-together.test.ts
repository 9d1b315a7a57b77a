import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { insertDevices } from '../devices.ts';
import { connectDevice, registerDevice } from '../harness.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, signIn, startDashboard } from './dashboard.ts';

describe.skipIf(!hasBrowser)('the dashboard, with others at work', () => {
  let dashboard: DashboardStack;
  beforeAll(async () => {
    dashboard = await startDashboard();
  }, PAGES_LIMIT_MS);
  afterAll(() => dashboard?.close());

  test(
    'two browsers see each other’s change without a reload',
    async () => {
      const { uuid } = await registerDevice(dashboard.stack.url);
      const one = await dashboard.openSignedIn(`/devices/${uuid}`);
      const two = await dashboard.openSignedIn(`/devices/${uuid}`);
      await one.page.getByRole('button', { name: 'Edit' }).click();
      await one.page.getByLabel('Name').fill('Renamed by one');
      await one.page.getByRole('button', { name: 'Save' }).click();
      await two.page.getByRole('heading', { name: /^Renamed by one/, level: 1 }).waitFor();
      await Promise.all([one.context.close(), two.context.close()]);
    },
    PAGES_LIMIT_MS,
  );

  test(
    'an edit made on the sight of an older version is refused, shows why, and can be repeated',
    async () => {
      const { uuid } = await registerDevice(dashboard.stack.url);
      const { page, context } = await dashboard.openSignedIn(`/devices/${uuid}`);
      await page.getByRole('button', { name: 'Edit' }).click();
      await page.getByRole('textbox', { name: 'Notes' }).fill('typed meanwhile');
      await dashboard.stack
        .sql`update devices set name = 'Of somebody else', version = version + 1 where id = ${uuid}`;
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Somebody else has changed this since you opened it.').waitFor();
      expect(await page.getByRole('textbox', { name: 'Notes' }).inputValue()).toBe('typed meanwhile');
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByRole('heading', { name: /^Of somebody else/, level: 1 }).waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a page stays readable while the server is away, says so, and goes on when it is back',
    async () => {
      const { uuid } = await registerDevice(dashboard.stack.url);
      await dashboard.stack.sql`update devices set name = 'Steady' where id = ${uuid}`;
      const { page, context } = await dashboard.openSignedIn('/devices?q=Steady');
      await page.getByRole('link', { name: 'Steady' }).waitFor();
      await dashboard.stack.stopServer();
      await page.getByText('What you see may be out of date').waitFor();
      expect(await page.getByRole('link', { name: 'Steady' }).isVisible()).toBe(true);

      await dashboard.stack.startServer();
      await page.getByText('What you see may be out of date').waitFor({ state: 'detached' });
      await dashboard.stack.sql`update devices set name = 'Steady as she goes' where id = ${uuid}`;
      await page.getByRole('link', { name: 'Steady as she goes' }).waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'presence and values in the list come by the event stream, without the list being asked for',
    async () => {
      const { stack } = dashboard;
      const device = await registerDevice(stack.url);
      await stack.sql`update devices set name = 'Streamed' where id = ${device.uuid}`;
      const { page, context } = await dashboard.openSignedIn('/broker');
      const started = page.waitForResponse((response) => response.url().includes('/api/v1/events?device='));
      await page.getByRole('link', { name: 'Devices' }).click();
      await page.getByRole('searchbox').fill('Streamed');
      const row = page.getByRole('row', { name: /Streamed/ });
      await row.getByText('Offline').waitFor();
      await started;
      await page.route(/\/api\/v1\/devices/, (route) => route.abort());
      const client = await connectDevice(`mqtt://127.0.0.1:${stack.broker.mqttPort}`, device);
      await row.getByText('Online').waitFor();
      await client.publishAsync(`device/${device.uuid}/data`, '{"ts":0,"level":41.5}', { qos: 1 });
      await row.getByText('41.5').waitFor();
      await client.endAsync();
      await row.getByText('Offline').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'without the event stream pages ask again by themselves',
    async () => {
      const { stack } = dashboard;
      const device = await registerDevice(stack.url);
      const { page, context } = await dashboard.open('/');
      await page.route(/\/api\/v1\/events/, (route) => route.abort());
      await signIn(page);
      await page.goto(`${stack.url}/devices/${device.uuid}`);
      await page.locator('h1').getByText('Offline').waitFor();
      const client = await connectDevice(`mqtt://127.0.0.1:${stack.broker.mqttPort}`, device);
      await page.locator('h1').getByText('Online').waitFor();
      await client.endAsync();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a list of many thousand devices is searched, paged and shared by its address',
    async () => {
      await insertDevices(dashboard.stack, 5_000, (at) => ({ name: `Bulk ${String(at).padStart(4, '0')}` }));
      const { page, context } = await dashboard.openSignedIn('/devices?sort=name&order=asc&q=bulk');
      await page.getByText('1–50 of 5,000').waitFor();
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByText('51–100 of 5,000').waitFor();
      await page.getByRole('link', { name: 'Bulk 0050' }).waitFor();
      await page.reload();
      await page.getByRole('link', { name: 'Bulk 0050' }).waitFor();
      await page.goBack();
      await page.getByRole('link', { name: 'Bulk 0000' }).waitFor();

      await page.getByRole('searchbox').press('End');
      await page.getByRole('searchbox').pressSequentially(' 0123');
      await page.getByText('1 device match').waitFor();
      expect(new URL(page.url()).searchParams.get('q')).toBe('bulk 0123');
      await page.getByRole('searchbox').fill('nothing like this');
      await page.getByText('No device matches').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'an action on a selection says whom it concerns, and does it to those',
    async () => {
      const ids = await insertDevices(dashboard.stack, 3, (at) => ({ name: `Chosen ${at}` }));
      await dashboard.stack.sql`update devices set state = 'revoked' where id = ${ids[0] ?? ''}`;
      const { page, context } = await dashboard.openSignedIn('/devices?q=Chosen');
      await page.getByText('3 devices match').waitFor();
      await page.getByRole('checkbox', { name: 'Select all devices of this page' }).click();
      await page.getByRole('button', { name: 'Revoke' }).click();
      await page.getByRole('heading', { name: 'Revoke: 2 devices?' }).waitFor();
      await page.getByText('1 selected device is left as it is').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke 2 devices' }).click();
      await page.getByText('2 devices revoked').waitFor();
      const rows = await dashboard.stack.sql`select state from devices where name like 'Chosen %'`;
      expect(rows.map(({ state }) => state)).toEqual(['revoked', 'revoked', 'revoked']);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a session that was ended elsewhere leads to the sign-in page',
    async () => {
      const { page, context } = await dashboard.openSignedIn('/devices');
      await dashboard.stack.sql`delete from operator_sessions`;
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );
});
