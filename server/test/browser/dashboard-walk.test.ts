import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { Webhook } from 'standardwebhooks';
import { linkTopic } from '../../contract/topics.ts';
import { createDeviceClient, type DeviceClient } from '../../dev/device-client.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { systemRandom } from '../../src/platform/random.ts';
import { type Receiver, startReceiver } from '../alert-receiver.ts';
import { callDevice, connectDevice, inbox, registerDevice, tokenPath, until } from '../harness.ts';
import { ADMIN } from '../operators.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, screenshot, signIn, startDashboard } from './dashboard.ts';

/** A simulated device with what the page shows, as a sketch would have it. */
async function startDevice(dashboard: DashboardStack, uuid: string, key: string): Promise<DeviceClient> {
  const device = createDeviceClient({
    server: dashboard.stack.url,
    uuid,
    credential: key,
    clock: systemClock,
    random: systemRandom,
    about: { fw: '1.4.0', board: 'esp8266', f: { light: { u: 'lx' } }, cmd: { LED: { on: 'bool' } } },
    onCommand: ({ a }) => ({ lamp: a }),
  });
  device.start();
  await until('the device is online with the key that was shown', device.online, 60_000);
  return device;
}

async function shownIdentity(page: Page): Promise<{ uuid: string; key: string }> {
  const values = page.locator('.identity code');
  return { uuid: (await values.nth(0).textContent()) ?? '', key: (await values.nth(1).textContent()) ?? '' };
}

/** Adds a webhook for the alerts, and answers its secret. */
async function addWebhook(page: Page, { url }: Receiver): Promise<string> {
  await page
    .getByRole('navigation', { name: 'Devices', exact: true })
    .getByRole('link', { name: 'Alerts' })
    .click();
  await page.getByRole('link', { name: 'Channels' }).click();
  await page.getByRole('button', { name: 'Add a channel' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Night watch');
  await dialog.getByRole('textbox', { name: 'URL' }).fill(`${url}/alerts`);
  await dialog.getByRole('button', { name: 'Add' }).click();
  await dialog.getByText('This is the only time the secret is shown.').waitFor();
  const secret = (await dialog.locator('pre').textContent()) ?? '';
  await dialog.getByRole('button', { name: 'I have stored it' }).click();
  return secret;
}

describe.skipIf(!hasBrowser)('from the first sign-in to a device that is thrown off', () => {
  let dashboard: DashboardStack;
  let receiver: Receiver;
  beforeAll(async () => {
    dashboard = await startDashboard({ env: { ALERT_PRIVATE_ADDRESSES: 'true' } });
    receiver = startReceiver();
  }, PAGES_LIMIT_MS);
  afterAll(async () => {
    await receiver?.close();
    await dashboard?.close();
  });

  test(
    'a wrong password is refused in words, the right one leads where the operator wanted to go',
    async () => {
      const { page, context } = await dashboard.open('/broker');
      await page.getByLabel('User name').fill(ADMIN.username);
      await page.getByLabel('Password').fill('not the password');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('User name or password is wrong.').waitFor();
      await signIn(page);
      await page.getByRole('heading', { name: 'Broker', level: 1 }).waitFor();
      expect(new URL(page.url()).pathname).toBe('/broker');
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a device is added, refused with a wrong key, let in with the shown one, charted, commanded, paired, watched, and revoked',
    async () => {
      const { page, context, complaints } = await dashboard.openSignedIn();
      const master = await registerDevice(dashboard.stack.url, 'master');

      await page.getByRole('link', { name: 'Add a device' }).first().click();
      await page.getByLabel('Name').fill('Bench sensor');
      await page.getByRole('button', { name: 'Add and show the key' }).click();
      await page.getByRole('heading', { name: 'Waiting for Bench sensor' }).waitFor();
      const { uuid, key } = await shownIdentity(page);
      const sketch = page.getByRole('region', { name: /Sketch/ });
      expect(await sketch.textContent()).toContain(`constexpr char KEY[] = "${key}"`);
      expect(await sketch.textContent()).toContain('#include <ESP8266WiFi.h>');
      // The tests' server is on 127.0.0.1, as that of a newcomer is.
      await page.getByText('an address that no device can reach').waitFor();
      await page.getByRole('button', { name: 'ESP32' }).click();
      expect(await sketch.textContent()).toContain('#include <WiFi.h>');

      const refused = await callDevice(dashboard.stack.url, tokenPath(uuid), 'x'.repeat(43));
      expect(refused.r).toBe('bad_credential');
      await page.getByText('the key is wrong. Compare KEY in the sketch').last().waitFor();
      await screenshot(page, 'walk-refused');

      const device = await startDevice(dashboard, uuid, key);
      await page.getByRole('heading', { name: 'Bench sensor is online' }).waitFor();
      device.record({ light: 512 });
      await page.getByRole('heading', { name: 'Bench sensor has sent its first record' }).waitFor();
      await screenshot(page, 'walk-first-record');

      await page.getByRole('link', { name: 'Open the device' }).click();
      await page.getByRole('heading', { name: /^Bench sensor/, level: 1 }).waitFor();
      await page.getByRole('link', { name: 'Charts' }).click();
      await page.getByRole('img', { name: /^Chart of light: last 512 lx/ }).waitFor();
      device.record({ light: 600 });
      await page
        .getByRole('img', { name: /^Chart of light: last 600 lx, lowest 512 lx, highest 600 lx/ })
        .waitFor();

      const tabs = page.getByRole('navigation', { name: 'Device', exact: true });
      await tabs.getByRole('link', { name: 'Commands' }).click();
      await page.getByLabel('on', { exact: true }).selectOption('true');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByRole('region', { name: 'Reply' }).getByText('{"lamp":{"on":true}}').waitFor();

      await tabs.getByRole('link', { name: 'Overview' }).click();
      await page.getByRole('button', { name: 'Pair', exact: true }).click();
      await page.getByRole('combobox', { name: 'Master' }).fill(master.uuid.slice(0, 8));
      await page
        .getByRole('option', { name: master.uuid.slice(0, 8) })
        .first()
        .click();
      await page.getByRole('dialog').getByRole('button', { name: 'Pair' }).click();
      await page.getByText(/In effect on the broker after \d+ ms/).waitFor();
      await page.getByText('Paired with').waitFor();
      const controller = await connectDevice(dashboard.stack.broker.mqttUrl, master);
      const links = inbox(controller);
      await controller.subscribeAsync(linkTopic(uuid), { qos: 1 });
      device.send(uuid, { lamp: 'on' });
      expect(await links.next()).toMatchObject({ topic: linkTopic(uuid), payload: '{"lamp":"on"}' });
      await controller.endAsync();

      const secret = await addWebhook(page, receiver);
      await page.getByRole('link', { name: 'Rules' }).click();
      await page.getByRole('link', { name: 'Add a rule' }).first().click();
      await page.getByLabel('Field').fill('light');
      await page.getByRole('textbox', { name: 'Limit' }).fill('700');
      await page.getByText('Would not have fired on').waitFor();
      await page.getByRole('checkbox', { name: 'Night watch' }).check();
      await page.getByRole('button', { name: 'Add the rule' }).click();
      await page.getByRole('link', { name: 'Light above 700' }).waitFor();
      device.record({ light: 900 });
      await page.getByRole('link', { name: 'Alerts 1 firing' }).click();
      await page.getByText('light is 900, above 700.').waitFor();
      await screenshot(page, 'walk-alert');
      const [told] = await receiver.got(1);
      const notification = new Webhook(secret).verify(told?.body ?? '', told?.headers ?? {});
      expect(notification).toMatchObject({ data: { firing: 1, alerts: [{ device: { id: uuid } }] } });
      await page.getByRole('button', { name: /^Acknowledge/ }).click();
      await page.getByText('Acknowledged by admin').waitFor();

      await page.locator('.alerts').getByRole('link', { name: 'Bench sensor' }).click();
      await page.getByRole('button', { name: 'More actions', exact: true }).click();
      await page.getByRole('menuitem', { name: 'Revoke' }).click();
      await page.getByText('The session that is up now ends.').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
      await until('the device is thrown off', () => !device.online(), 60_000);
      await page.locator('h1').getByText('Revoked').waitFor();
      expect((await callDevice(dashboard.stack.url, tokenPath(uuid), key)).r).toBe('revoked');

      await page.getByRole('link', { name: 'Timeline' }).click();
      for (const text of ['Device revoked', 'Device paired', 'Key shown', 'Credential refused']) {
        await page.getByText(text, { exact: true }).first().waitFor();
      }
      await page
        .getByRole('navigation', { name: 'Devices', exact: true })
        .getByRole('link', { name: 'Alerts' })
        .click();
      await page.getByRole('button', { name: 'Past' }).click();
      await page.getByText('Ended when the device was revoked or deleted').waitFor();
      expect(complaints).toEqual([]);
      await device.close();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a key that is shown again is the same, and leaves a line in the audit log',
    async () => {
      const { page, context } = await dashboard.openSignedIn();
      const { uuid } = await registerDevice(dashboard.stack.url);
      await page.goto(`${dashboard.stack.url}/devices/${uuid}/flash`);
      await page.getByRole('button', { name: 'Show the key' }).click();
      await page.locator('.identity').waitFor();
      const { key } = await shownIdentity(page);
      const device = await startDevice(dashboard, uuid, key);
      await device.close();
      const [line] = await dashboard.stack.sql`
      select actor from audit_log where subject = ${uuid} and action = 'device.key_shown'`;
      expect(line?.actor).toBe(ADMIN.username);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'signing out ends the session, and Back shows nothing of it',
    async () => {
      const { page, context } = await dashboard.openSignedIn('/audit');
      await page.getByText('Signed in').first().waitFor();
      await page.getByRole('button', { name: /admin/ }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await page.goBack();
      await until('the session is over', async () => (await page.getByText('Signed in').count()) === 0);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'an operator ends their other sessions from their account',
    async () => {
      const other = await dashboard.openSignedIn();
      const { page, context } = await dashboard.openSignedIn('/account');
      await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
      await other.page.reload();
      await other.page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: 'Your account' }).waitFor();
      await Promise.all([context.close(), other.context.close()]);
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a viewer sees the fleet and finds nothing to change',
    async () => {
      await registerDevice(dashboard.stack.url);
      const admin = await dashboard.openSignedIn('/operators');
      const viewer = { username: `viewer-${randomUUID().slice(0, 8)}`, password: 'a long enough password' };
      await admin.page.getByRole('button', { name: 'Add an operator' }).click();
      await admin.page.getByLabel('User name').fill(viewer.username);
      await admin.page.getByLabel('Password').fill('short');
      await admin.page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
      await admin.page.getByText('Must be at least 12 characters long.').waitFor();
      await admin.page.getByLabel('Password').fill(viewer.password);
      await admin.page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
      await admin.page.getByRole('cell', { name: viewer.username, exact: true }).waitFor();

      const { page, context } = await dashboard.open('/devices');
      await signIn(page, viewer);
      await page.getByRole('heading', { name: 'Devices', level: 1 }).waitFor();
      await page.locator('tbody a').first().waitFor();
      expect(await page.getByRole('link', { name: 'Add a device' }).count()).toBe(0);
      expect(await page.getByRole('checkbox').count()).toBe(0);
      await Promise.all([context.close(), admin.context.close()]);
    },
    PAGES_LIMIT_MS,
  );
});
