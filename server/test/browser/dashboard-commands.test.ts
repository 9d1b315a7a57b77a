import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createDeviceClient, type DeviceClient } from '../../dev/device-client.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { systemRandom } from '../../src/platform/random.ts';
import { AGENT_SECRET, registerDevice, until } from '../harness.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, startDashboard } from './dashboard.ts';

describe.skipIf(!hasBrowser)('commands on the page of a device', () => {
  let dashboard: DashboardStack;
  let device: DeviceClient;
  let id = '';
  const executed: unknown[] = [];
  beforeAll(async () => {
    dashboard = await startDashboard();
    const { uuid } = await registerDevice(dashboard.stack.url);
    id = uuid;
    device = createDeviceClient({
      server: dashboard.stack.url,
      uuid,
      credential: AGENT_SECRET,
      clock: systemClock,
      random: systemRandom,
      about: { cmd: { LED: { on: 'bool', level: 'uint8' } } },
      onCommand: ({ c, a }) => {
        if (c !== 'LED') throw new Error(`no such command: ${c}`);
        executed.push(a);
        return { was: 'off' };
      },
    });
    device.start();
    await until('the device has said what it understands', async () => {
      const [row] = await dashboard.stack.sql`select 1 from device_about where device_id = ${uuid}`;
      return row !== undefined;
    });
  }, PAGES_LIMIT_MS);
  afterAll(async () => {
    await device?.close();
    await dashboard?.close();
  });

  test(
    'a declared command is sent from its form, and the reply of the device is shown',
    async () => {
      const { page, context, complaints } = await dashboard.openSignedIn(`/devices/${id}/commands`);
      await page.getByLabel('on', { exact: true }).selectOption('true');
      await page.getByLabel('level').fill('bright');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('Must be a number.').waitFor();
      await page.getByLabel('level').fill('7');
      await page.getByRole('button', { name: 'Send' }).click();
      const reply = page.getByRole('region', { name: 'Reply' });
      await reply.getByText('Done', { exact: true }).waitFor();
      await reply.getByText('{"was":"off"}').waitFor();
      await page.locator('.commands').getByText('{"was":"off"}').waitFor();
      expect(executed).toEqual([{ on: true, level: 7 }]);
      expect(complaints).toEqual([]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a free command that the device refuses says why; arguments that are no object are not sent',
    async () => {
      const { page, context } = await dashboard.openSignedIn(`/devices/${id}/commands`);
      await page.getByLabel('Command', { exact: true }).selectOption('Another one…');
      await page.getByLabel('Name', { exact: true }).fill('DANCE');
      await page.getByLabel('Arguments', { exact: true }).fill('[1]');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText('Must be a JSON object').waitFor();
      await page.getByLabel('Arguments', { exact: true }).fill('{"steps": 3}');
      await page.getByRole('button', { name: 'Send' }).click();
      const reply = page.getByRole('region', { name: 'Reply' });
      await reply.getByText('Failed', { exact: true }).waitFor();
      await reply.getByText('no such command: DANCE').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a command for an absent device waits, and is cancelled in front of another operator',
    async () => {
      const absent = await registerDevice(dashboard.stack.url);
      const path = `/devices/${absent.uuid}/commands`;
      const [first, second] = await Promise.all([dashboard.openSignedIn(path), dashboard.openSignedIn(path)]);
      await first.page.getByLabel('Name').fill('REBOOT');
      await first.page.getByRole('button', { name: 'Send' }).click();
      await second.page.locator('.commands').getByText('Queued', { exact: true }).waitFor();
      await second.page.getByRole('button', { name: 'Cancel REBOOT' }).click();
      await second.page.getByRole('dialog').getByRole('button', { name: 'Cancel the command' }).click();
      await first.page.locator('.commands').getByText('Cancelled', { exact: true }).waitFor();
      await first.page
        .getByRole('region', { name: 'Reply' })
        .getByText('Cancelled', { exact: true })
        .waitFor();
      await Promise.all([first.context.close(), second.context.close()]);
    },
    PAGES_LIMIT_MS,
  );
});
