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
      // What was not typed is as somebody else left it.
      expect(await page.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('Of somebody else');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Of somebody else saved').waitFor();
      const [saved] = await dashboard.stack.sql`select name, notes from devices where id = ${uuid}`;
      expect(saved).toMatchObject({ name: 'Of somebody else', notes: 'typed meanwhile' });
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
    'an action that was refused for a newer version can be repeated, and does not change what was done before',
    async () => {
      const { sql } = dashboard.stack;
      const ids = await insertDevices(dashboard.stack, 2, (at) => ({ name: `Contended ${at}` }));
      const { page, context } = await dashboard.openSignedIn('/devices?q=Contended');
      await page.getByText('2 devices match').waitFor();
      await page.getByRole('checkbox', { name: 'Select all devices of this page' }).click();
      await sql`update devices set version = version + 1 where id = ${ids[0] ?? ''}`;
      await page.getByRole('button', { name: 'Rotate credentials' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Rotate credentials 2 devices' }).click();
      await page.getByRole('heading', { name: '1 device rotated, 1 failure' }).waitFor();
      await page.getByText('Somebody else has changed this').waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      await page.getByText('1 device selected').waitFor();
      await page.getByRole('button', { name: 'Rotate credentials' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Rotate credentials' }).click();
      await page.getByText('Contended 0 rotated').waitFor();
      const rows = await sql`select generation from devices where name like 'Contended %'`;
      expect(rows.map(({ generation }) => generation)).toEqual([2, 2]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'closing the dialog of an action on many devices spares those whose turn has not come',
    async () => {
      const { sql } = dashboard.stack;
      await insertDevices(dashboard.stack, 10, (at) => ({ name: `Spared ${at}` }));
      const { page, context } = await dashboard.openSignedIn('/devices?q=Spared');
      await page.getByText('10 devices match').waitFor();
      await page.getByRole('checkbox', { name: 'Select all devices of this page' }).click();
      const held = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      let underWay = 0;
      await page.route(/\/revoke$/, async (route) => {
        if (++underWay === 4) asked.resolve();
        await held.promise;
        await route.continue();
      });
      await page.getByRole('button', { name: 'Revoke' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Revoke 10 devices' }).click();
      await asked.promise;
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      held.resolve();
      await page.getByText('4 devices revoked').waitFor();
      await page.getByText('Cancelled for 6 devices more').waitFor();
      await page.getByText('6 devices selected').waitFor();
      const [counted] = await sql`
        select count(*)::int as revoked from devices where name like 'Spared %' and state = 'revoked'`;
      expect(counted?.revoked).toBe(4);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a change of an operator that was refused for a newer version can be repeated',
    async () => {
      const { sql } = dashboard.stack;
      await sql`
        insert into operators (username, role, password_hash, created_at) values ('contended', 'viewer', '', now())`;
      const { page, context } = await dashboard.openSignedIn('/operators');
      await page.getByRole('button', { name: 'Actions for contended' }).click();
      await page.getByRole('menuitem', { name: 'Make an administrator' }).click();
      await sql`update operators set version = version + 1 where username = 'contended'`;
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Make an administrator' }).click();
      await dialog.getByText('Somebody else has changed this').waitFor();
      await dialog.getByRole('button', { name: 'Make an administrator' }).click();
      await page.getByText('Role of contended changed').waitFor();

      await page.getByRole('button', { name: 'Actions for contended' }).click();
      await page.getByRole('menuitem', { name: 'Set a new password' }).click();
      await dialog.getByLabel('Password').fill('another long password');
      await sql`update operators set version = version + 1 where username = 'contended'`;
      await dialog.getByRole('button', { name: 'Set the password' }).click();
      await dialog.getByText('Somebody else has changed this').waitFor();
      await dialog.getByRole('button', { name: 'Set the password' }).click();
      await page.getByText('contended has a new password').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a change of a channel that was refused for a newer version can be repeated, and keeps the rest of that version',
    async () => {
      const { sql } = dashboard.stack;
      const { page, context } = await dashboard.openSignedIn('/alerts/channels');
      await page.getByRole('button', { name: 'Add a channel' }).first().click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('Night watch');
      await dialog.getByRole('textbox', { name: 'URL' }).fill('https://hooks.example.com/night');
      await dialog.getByRole('button', { name: 'Add' }).click();
      await dialog.getByRole('button', { name: 'I have stored it' }).click();
      await page.getByRole('link', { name: 'Night watch' }).click();
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Edit' }).click();
      await dialog.getByRole('textbox', { name: 'URL' }).fill('https://hooks.example.com/day');
      await sql`update alert_channels set name = 'Day watch', version = version + 1 where name = 'Night watch'`;
      await dialog.getByRole('button', { name: 'Save' }).click();
      await dialog.getByText('Somebody else has changed this').waitFor();
      await dialog.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Day watch saved').waitFor();
      await page.getByText('https://hooks.example.com/day').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a page of the list whose devices are gone leads back, and does not say that there are none',
    async () => {
      await insertDevices(dashboard.stack, 51, (at) => ({ name: `Leaf ${at}` }));
      const { page, context } = await dashboard.openSignedIn('/devices?sort=createdAt&order=asc&q=Leaf');
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByRole('checkbox', { name: 'Select Leaf 50' }).click();
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Delete' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByText('Nothing is left on this page').waitFor();
      await page.getByRole('button', { name: 'First page' }).click();
      await page.getByText('1–50 of 50').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'of very many devices that wait for approval, the page says how many it shows',
    async () => {
      const { sql } = dashboard.stack;
      await insertDevices(dashboard.stack, 101, (at) => ({ name: `Waiting ${at}` }));
      await sql`update devices set state = 'pending' where name like 'Waiting %'`;
      const { page, context } = await dashboard.openSignedIn('/approvals');
      await page.getByText('The 100 that wait longest, of 101.').waitFor();
      await page.getByRole('button', { name: 'Approve these 100' }).waitFor();
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
