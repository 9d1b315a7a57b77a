import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Page } from 'playwright-core';
import { deviceKey } from '../../src/platform/secrets.ts';
import { type AlertRig, above, startAlertRig } from '../alerts.ts';
import { AGENT_SECRET, callDevice, registerDevice, tokenPath, until } from '../harness.ts';
import { startOnlineDevice } from '../online-device.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, screenshot, startDashboard } from './dashboard.ts';
import { axeFindings, LOOKS } from './looks.ts';

const ZONE = 'Asia/Tokyo';

/** What each line says, as it is read: its title and what follows it. */
async function titles(page: Page): Promise<string[]> {
  return await page.locator('.timeline-day .event-what > p:first-child').allTextContents();
}

describe.skipIf(!hasBrowser)('the timeline of a device', () => {
  let dashboard: DashboardStack;
  let rig: AlertRig;
  beforeAll(async () => {
    dashboard = await startDashboard();
    rig = await startAlertRig(dashboard.stack);
  }, PAGES_LIMIT_MS);
  afterAll(async () => {
    rig?.close();
    await dashboard?.close();
  });

  const events = async (id: string) => {
    const answer = await rig.call('GET', `/devices/${id}/timeline?limit=200`);
    return ((await answer.json()) as { items: { what: string; at: string }[] }).items;
  };
  const happened = (id: string, what: string, times = 1) =>
    until(what, async () => (await events(id)).filter((event) => event.what === what).length >= times);

  /** A device that has lived through everything that a timeline tells of. */
  async function eventfulDevice(): Promise<string> {
    const { stack } = dashboard;
    const { uuid } = await registerDevice(stack.url);
    await callDevice(stack.url, tokenPath(uuid), 'x'.repeat(43));
    await happened(uuid, 'credential.refused');
    await rig.call('PATCH', `/devices/${uuid}`, { name: 'Boiler', tags: ['cellar'] });
    const rule = await rig.addRule({ name: 'Too hot', condition: above(70) });
    for (const firmware of ['1.4.0', '1.5.0']) {
      const { client } = await startOnlineDevice({
        server: stack.url,
        uuid,
        credential: deviceKey(AGENT_SECRET, uuid),
        about: { fw: firmware, board: 'esp32' },
        onCommand({ c }) {
          if (c !== 'LED') throw new Error('no such pump');
          return { lamp: true };
        },
      });
      await until('it said what it is', async () => {
        const [row] = await stack.sql`select firmware from device_about where device_id = ${uuid}`;
        return row?.firmware === firmware;
      });
      if (firmware === '1.5.0') {
        for (const c of ['LED', 'PUMP']) await rig.call('POST', `/devices/${uuid}/commands?wait=20`, { c });
        client.record({ temperature: 81 });
        await happened(uuid, 'alert.fired');
        client.record({ temperature: 60 });
        await happened(uuid, 'alert.resolved');
      }
      await client.close();
      await happened(uuid, 'session.ended', firmware === '1.4.0' ? 1 : 2);
    }
    await rig.call('DELETE', `/alert-rules/${rule.id}`);
    return uuid;
  }

  test(
    'has connections, refusals, changes, commands, firmware and alerts in one list, in the zone of the viewer',
    async () => {
      const uuid = await eventfulDevice();
      const { page, context, complaints } = await dashboard.openSignedIn(`/devices/${uuid}/timeline`, {
        timezoneId: ZONE,
        locale: 'en-GB',
      });
      const list = page.getByRole('region', { name: 'Timeline', exact: true });
      for (const text of [
        'The device left with a DISCONNECT.',
        'The key is wrong. Compare KEY in the sketch with the key of this device.',
        'name Boiler',
        'tags cellar',
        'firmware 1.4.0 → 1.5.0',
        'The device answered: no such pump',
        'temperature is 81, above 70.',
      ]) {
        await list.getByText(text).first().waitFor();
      }
      const shown = await titles(page);
      expect(shown).toHaveLength((await events(uuid)).length);
      for (const pattern of [
        /^Disconnected after \d+ m?s/,
        /^Connected from \S+$/,
        /^Alert resolved Too hot$/,
        /^Alert fired Too hot$/,
        /^Command PUMP failed/,
        /^Command LED done/,
        /^Command sent PUMP by API key /,
        /^Firmware changed by the device$/,
        /^Device edited by API key /,
        /^Credential refused by the device$/,
        /^Device registered by the device$/,
      ]) {
        expect(
          shown.some((line) => pattern.test(line)),
          `${pattern} in\n${shown.join('\n')}`,
        ).toBe(true);
      }
      // Newest first.
      expect(shown[0]).toMatch(/^Disconnected/);
      expect(shown.at(-1)).toMatch(/^Device registered/);

      const [newest] = await events(uuid);
      const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: ZONE });
      expect(await page.locator('.event-time').first().textContent()).toBe(
        clock.format(new Date(newest?.at ?? 0)),
      );
      await list.getByText(`Times are in ${ZONE}.`).waitFor();
      await page.getByRole('list', { name: 'Uptime by day' }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await screenshot(page, 'light-timeline');

      await list.getByRole('button', { name: 'Commands' }).click();
      await page.waitForURL(`**/devices/${uuid}/timeline?kind=command`);
      await page.getByText('Disconnected').first().waitFor({ state: 'detached' });
      expect((await titles(page)).every((line) => line.startsWith('Command'))).toBe(true);
      await page.reload();
      await list.getByRole('button', { name: 'Commands', pressed: true }).waitFor();
      await page.getByText('Command LED done').waitFor();
      expect(complaints).toEqual([]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'shows a connection within seconds, and older events page by page',
    async () => {
      const { stack } = dashboard;
      const { uuid } = await registerDevice(stack.url);
      await stack.sql`
        insert into device_sessions (device_id, connected_at, disconnected_at, reason)
        select ${uuid}, now() - make_interval(hours => hours), now() - make_interval(hours => hours, mins => -30), 'keepalive_timeout'
        from generate_series(1, 40) as hours`;
      const { page, context, complaints } = await dashboard.openSignedIn(
        `/devices/${uuid}/timeline`,
        LOOKS.phone,
      );
      await page.locator('.timeline-day').getByText('Nothing was heard').first().waitFor();
      expect(await titles(page)).toHaveLength(50);
      const { client } = await startOnlineDevice({
        server: stack.url,
        uuid,
        credential: deviceKey(AGENT_SECRET, uuid),
      });
      await until(
        'the page shows the connection',
        async () => (await titles(page))[0]?.startsWith('Connected from ') === true,
      );

      await page.getByRole('button', { name: 'Load older' }).tap();
      await page.getByText('That is all there is.').waitFor();
      // 40 sessions that ended, one that is up, and the registration.
      expect(await titles(page)).toHaveLength(82);
      expect(new Set(await page.locator('.timeline-day > h3').allTextContents()).size).toBeGreaterThan(1);
      await page.getByRole('button', { name: 'Show details of “Connected”' }).first().tap();
      await page.getByText('Keep-alive', { exact: true }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await screenshot(page, 'phone-timeline', false);
      expect(complaints).toEqual([]);
      await client.close();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'says when there is nothing of a kind, while it loads, and when it cannot be read',
    async () => {
      const { uuid } = await registerDevice(dashboard.stack.url);
      const { page, context } = await dashboard.openSignedIn(`/devices/${uuid}`);
      const gate = Promise.withResolvers<void>();
      await page.route('**/timeline?*', async (route) => {
        await gate.promise;
        await route.fulfill({ status: 503, contentType: 'application/problem+json', body: UNAVAILABLE });
      });
      await page.getByRole('link', { name: 'Timeline' }).click();
      await page.getByRole('region', { name: 'Timeline' }).getByRole('status', { name: 'Loading' }).waitFor();
      gate.resolve();
      await page.getByText('The database does not answer.').waitFor();
      await page.unroute('**/timeline?*');
      await page.getByRole('button', { name: 'Try again' }).click();
      await page.getByText('Device registered').waitFor();
      await page.getByRole('button', { name: 'Refusals' }).click();
      await page.getByRole('heading', { name: 'Nothing was refused' }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole('button', { name: 'Show everything' }).click();
      await page.getByText('Device registered').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );
});

const UNAVAILABLE = JSON.stringify({
  type: '/problems/unavailable',
  title: 'Unavailable',
  status: 503,
  detail: 'The database does not answer.',
});
