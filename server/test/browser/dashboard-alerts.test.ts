import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { type AlertRig, above, type SendingDevice, startAlertRig } from '../alerts.ts';
import { until } from '../harness.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, screenshot, signIn, startDashboard } from './dashboard.ts';
import { tabTo } from './looks.ts';

describe.skipIf(!hasBrowser)('alerts in the dashboard', () => {
  let dashboard: DashboardStack;
  let rig: AlertRig;
  let device: SendingDevice;
  beforeAll(async () => {
    dashboard = await startDashboard();
    rig = await startAlertRig(dashboard.stack);
    device = await rig.startDevice();
    await dashboard.stack.sql`update devices set name = 'Boiler' where id = ${device.uuid}`;
    await device.send({ temperature: 20 });
  }, PAGES_LIMIT_MS);
  afterEach(async () => {
    await dashboard.stack.sql`delete from alert_rules`;
    await dashboard.stack.sql`delete from alerts`;
    await dashboard.stack.sql`update alert_rule_book set revision = revision + 1`;
  });
  afterAll(async () => {
    rig?.close();
    await dashboard?.close();
  });

  test(
    'a rule is tried on the last day, added, fires before another operator, who sees it acknowledged',
    async () => {
      await insertRecords(dashboard, device, [
        [300, 35],
        [240, 20],
        [180, 36],
        [120, 20],
      ]);
      const other = await dashboard.openSignedIn('/alerts');
      await other.page.getByText('Nothing is watched yet').waitFor();
      const { page, context, complaints } = await dashboard.openSignedIn('/');
      await page
        .getByRole('navigation', { name: 'Devices', exact: true })
        .getByRole('link', { name: 'Alerts' })
        .click();
      await page.getByRole('link', { name: 'Add a rule' }).first().click();
      await page.getByRole('button', { name: 'Add the rule' }).click();
      await page.getByText('Must be a number.').waitFor();
      await page.getByLabel('Field').click();
      await page.getByRole('option', { name: 'temperature' }).click();
      await page.getByRole('textbox', { name: 'Limit' }).fill('30');
      await page.getByText('Would have fired 2 times on 1 of 1 device.').waitFor();
      await page.getByRole('img', { name: 'Chart of temperature: lowest 20, highest 36' }).waitFor();
      await page.getByRole('textbox', { name: 'Limit' }).fill('50');
      await page.getByText('Would not have fired on 1 device.').waitFor();
      await page.getByRole('textbox', { name: 'Limit' }).fill('30');
      await page.getByRole('textbox', { name: 'Name' }).fill('Boiler too hot');
      await page.getByRole('button', { name: 'Add the rule' }).click();
      await page.getByRole('link', { name: 'Boiler too hot' }).waitFor();
      expect(await rig.alerts({})).toEqual([]);

      await device.send({ temperature: 40 });
      for (const shown of [other.page, page]) {
        await shown.getByRole('link', { name: 'Alerts 1 firing' }).waitFor();
      }
      await other.page.getByText('temperature is 40, above 30.').waitFor();
      await page.getByRole('link', { name: '1 firing', exact: true }).click();
      await page.getByRole('button', { name: 'Acknowledge Boiler too hot, Boiler' }).click();
      await other.page.getByText('Acknowledged by admin').waitFor();
      await device.send({ temperature: 10 });
      await other.page.getByText('Nothing is firing').waitFor();
      await other.page.getByRole('button', { name: 'Past' }).click();
      await other.page.getByText(/^Resolved .+, after/).waitFor();
      expect(new URL(other.page.url()).searchParams.get('state')).toBe('resolved');
      expect(complaints).toEqual([]);
      await Promise.all([context.close(), other.context.close()]);
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a firing alert stands on the page of its device and on the overview, and nowhere once resolved',
    async () => {
      await rig.addRule({ name: 'Too hot', condition: above(30) });
      await device.send({ temperature: 40 });
      await rig.alertsAre(device.uuid, ['firing']);
      const { page, context } = await dashboard.openSignedIn('/');
      const tile = page.getByRole('link', { name: /^Alerts firing/ });
      await tile.getByText('1 unacknowledged').waitFor();
      await page.goto(`${dashboard.stack.url}/devices/${device.uuid}`);
      await page.getByRole('list', { name: 'Firing alerts of this device' }).getByText('Too hot').waitFor();
      await device.send({ temperature: 10 });
      await page.getByText('Nothing is firing.').waitFor();
      await page.getByRole('link', { name: 'Overview' }).first().click();
      await tile.getByText('all quiet').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a rule is edited on its newest version only: the page shows what somebody else made of it',
    async () => {
      const { id } = await rig.addRule({ name: 'Too hot', condition: above(30) });
      const { page, context } = await dashboard.openSignedIn(`/alerts/rules/${id}`);
      await page.getByRole('textbox', { name: 'Limit' }).fill('33');
      // The page learns of the change by the refusal alone.
      const path = `**/api/v1/alert-rules/${id}`;
      await page.route(path, (route) =>
        route.request().method() === 'GET' ? route.abort() : route.continue(),
      );
      const changed = await rig.call(
        'PATCH',
        `/alert-rules/${id}`,
        { condition: above(60) },
        { 'if-match': '"1"' },
      );
      expect(changed.status).toBe(200);
      const [refused] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === 'PATCH'),
        page.getByRole('button', { name: 'Save' }).click(),
      ]);
      expect(refused.status()).toBe(412);
      await page.unroute(path);
      await page.getByText('Yours was not saved. Now it is “Too hot”: temperature above 60').waitFor();
      await screenshot(page, 'light-alert-conflict');
      await page.getByRole('button', { name: 'Keep what I typed' }).click();
      expect(await page.getByRole('textbox', { name: 'Limit' }).inputValue()).toBe('33');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Temperature above 33').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a rule is disabled, enabled and deleted in the list',
    async () => {
      await rig.addRule({ name: 'Too hot', condition: above(30) });
      await device.send({ temperature: 40 });
      await rig.alertsAre(device.uuid, ['firing']);
      const { page, context } = await dashboard.openSignedIn('/alerts/rules');
      await page.getByRole('switch', { name: 'Too hot is enabled' }).click();
      await page.getByText('Disabled', { exact: true }).waitFor();
      await rig.alertsAre(device.uuid, ['resolved']);
      await page.getByRole('switch', { name: 'Too hot is enabled' }).click();
      await page.getByText('Disabled', { exact: true }).waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'More actions on Too hot' }).click();
      await page.getByRole('menuitem', { name: 'Delete' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByText('No rules yet').waitFor();
      await page.getByRole('link', { name: 'Alerts', exact: true }).first().click();
      await page.getByRole('button', { name: 'Past' }).click();
      await page.getByText('Ended when the rule was disabled').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'an alert is silenced with its rule, and the silence is ended from the alert',
    async () => {
      const { id } = await rig.addRule({ name: 'Too hot', condition: above(30) });
      await device.send({ temperature: 40 });
      const { page, context } = await dashboard.openSignedIn('/alerts');
      await page.getByRole('button', { name: 'More actions on Too hot, Boiler' }).click();
      await page.getByRole('menuitem', { name: 'Silence…' }).click();
      await page.getByLabel('What').selectOption('rule');
      await page.getByLabel('For').selectOption('own');
      await page.getByLabel('Until').fill('2020-01-01T00:00');
      await page.getByRole('dialog').getByRole('button', { name: 'Silence' }).click();
      await page.getByText('Must be in the future.').waitFor();
      await screenshot(page, 'light-silence', false);
      await page.getByLabel('For').selectOption('24');
      await page.getByRole('dialog').getByRole('button', { name: 'Silence' }).click();
      await page.locator('.alerts').getByText('Silenced until').waitFor();
      const silencedUntil = async () =>
        ((await (await rig.call('GET', `/alert-rules/${id}`)).json()) as { silencedUntil: string | null })
          .silencedUntil;
      expect(await silencedUntil()).not.toBeNull();
      await page.getByRole('button', { name: 'More actions on Too hot, Boiler' }).click();
      await page.getByRole('menuitem', { name: 'End the silence…' }).click();
      await page.getByText('That ends as well, for all its devices.').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'End the silence' }).click();
      await page.locator('.alerts').getByText('Silenced until').waitFor({ state: 'detached' });
      expect(await silencedUntil()).toBeNull();
      await device.send({ temperature: 10 });
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a viewer sees alerts and rules, and finds nothing to change',
    async () => {
      const { id } = await rig.addRule({ name: 'Too hot', condition: above(30) });
      await device.send({ temperature: 40 });
      await rig.alertsAre(device.uuid, ['firing']);
      const viewer = { username: 'viewer-of-alerts', password: 'a long enough password' };
      const created = await rig.call('POST', '/operators', { ...viewer, role: 'viewer' });
      expect(created.status).toBe(201);
      const { page, context } = await dashboard.open('/alerts');
      await signIn(page, viewer);
      await page.getByText('temperature is 40, above 30.').waitFor();
      expect(await page.getByRole('button', { name: /^(Acknowledge|More actions)/ }).count()).toBe(0);
      await page.getByRole('link', { name: 'Rules' }).click();
      await page.getByRole('link', { name: 'Too hot' }).waitFor();
      expect(await page.getByRole('switch').count()).toBe(0);
      expect(await page.getByRole('link', { name: 'Add a rule' }).count()).toBe(0);
      await page.goto(`${dashboard.stack.url}/alerts/rules/${id}`);
      await page.getByText('Changing it requires the admin role.').waitFor();
      expect(await page.getByRole('textbox', { name: 'Limit' }).isDisabled()).toBe(true);
      expect(await page.getByRole('button', { name: /^(Save|Delete)$/ }).count()).toBe(0);
      await device.send({ temperature: 10 });
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'keyboard alone acknowledges an alert and adds a rule',
    async () => {
      await rig.addRule({ name: 'Too hot', condition: above(30) });
      await device.send({ temperature: 40 });
      const { page, context } = await dashboard.openSignedIn('/alerts');
      await page.getByText('temperature is 40, above 30.').waitFor();
      await tabTo(page, 'Acknowledge Too hot, Boiler');
      await page.keyboard.press('Enter');
      await page.getByText('Acknowledged by admin').waitFor();
      await page.goto(`${dashboard.stack.url}/alerts/rules/new`);
      await page.getByLabel('Field').focus();
      await page.keyboard.type('temp');
      await page.getByRole('option', { name: 'temperature' }).waitFor();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await until(
        'the suggestion is taken',
        async () => (await page.getByLabel('Field').inputValue()) === 'temperature',
      );
      await tabTo(page, 'abovebelow');
      await page.keyboard.type('below');
      await page.keyboard.press('Tab');
      await page.keyboard.type('-5');
      await tabTo(page, 'Add the rule');
      await page.keyboard.press('Enter');
      await page.getByRole('link', { name: 'Temperature below -5' }).waitFor();
      await device.send({ temperature: 10 });
      await context.close();
    },
    PAGES_LIMIT_MS,
  );
});

/** Records of the last day, received as they were measured. */
async function insertRecords(
  { stack: { sql } }: DashboardStack,
  { uuid }: SendingDevice,
  records: readonly (readonly [minutesAgo: number, temperature: number])[],
): Promise<void> {
  for (const [minutes, temperature] of records) {
    const at = new Date(Date.now() - minutes * 60_000).toISOString();
    await sql`
      insert into telemetry (device, at, received, data)
      select key, ${at}, ${at}, ${sql.json({ temperature })} from telemetry_devices where device_id = ${uuid}`;
  }
}
